import type { FromSchema } from 'json-schema-to-ts';
import { object, text, time, url } from './shape.ts';

export const uploadRequestSchema = {
  type: 'object',
  required: ['name', 'bytes', 'type'],
  additionalProperties: false,
  expected: 'an object with name, bytes and type',
  hint: 'Send them as one JSON object.',
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: 200,
      pattern: '\\S',
      expected: 'a file name of 1-200 characters',
      hint: 'The names of videos are made of it.',
    },
    bytes: {
      type: 'integer',
      minimum: 1,
      expected: 'the size of the file in bytes',
      hint: 'It must be known before the upload.',
    },
    type: {
      type: 'string',
      minLength: 3,
      maxLength: 100,
      pattern: '^[\\w.+-]+/[\\w.+-]+$',
      expected: 'a media type such as video/mp4',
      hint: 'Send the same Content-Type with the file.',
    },
  },
} as const;
export type UploadRequest = FromSchema<typeof uploadRequestSchema>;

export const uploadSchema = object({
  url: { ...text('Use it as the URL of a clip or track, for 7 days from the upload.'), pattern: '^upload:' },
  upload_url: url('Send the bytes of the file there, within the time.'),
  method: { const: 'PUT' },
  headers: {
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Send exactly these headers with it.',
  },
  expires_at: time('Until then the file can be sent.'),
});
export type Upload = FromSchema<typeof uploadSchema>;
