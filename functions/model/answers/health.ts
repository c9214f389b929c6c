import type { FromSchema } from 'json-schema-to-ts';
import { object, objectWith, oneOf, text } from './shape.ts';

export const healthSchema = object({ status: { const: 'ok' }, version: text('Of the service.') });
export type HealthView = FromSchema<typeof healthSchema>;

const checkSchema = objectWith(
  { status: oneOf(['ok', 'failed'], 'Whether it works.') },
  { detail: text('What was expected and what was found.') },
);

export const readySchema = object({
  status: oneOf(['ready', 'not_ready'], 'Whether the service can take work.'),
  checks: {
    type: 'object',
    additionalProperties: checkSchema,
    description: 'store, disk, ffmpeg, queue: those that this host has.',
  },
});
export type ReadyView = FromSchema<typeof readySchema>;
