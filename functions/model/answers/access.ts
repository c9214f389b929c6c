import type { FromSchema } from 'json-schema-to-ts';
import { object, text, time } from './shape.ts';

export const accessSchema = object({
  token: {
    ...text('Send it as ?access= with the addresses of the files of the task. It needs no escaping.'),
    pattern: '^[\\w.-]+$',
  },
  expires_at: time('Until then it works.'),
});
export type AccessView = FromSchema<typeof accessSchema>;
