/** Fields of requests: spoken lines. */
import { MAX_NAME } from './sources.ts';

/** Characters. Below what ElevenLabs accepts in one request, and far more than an ad needs. */
const MAX_TEXT = 5_000;
export const MAX_TEXTS = 1_000;

export const speechField = {
  type: 'array',
  minItems: 1,
  maxItems: MAX_TEXTS,
  expected: `a list of 1-${MAX_TEXTS} lines`,
  hint: 'List lines as { "text": ..., "voice": ... }, or leave the field out for videos without a voice.',
  items: {
    type: 'object',
    required: ['text', 'voice'],
    additionalProperties: false,
    expected: 'a line as { "text": ..., "voice": ... }, with speed, language, group',
    hint: 'Write it in that form.',
    properties: {
      text: {
        type: 'string',
        minLength: 1,
        maxLength: MAX_TEXT,
        pattern: '\\S',
        expected: `a text of 1-${MAX_TEXT} characters`,
        hint: 'Give the words to speak.',
      },
      voice: {
        type: 'string',
        minLength: 1,
        maxLength: MAX_NAME,
        pattern: '\\S',
        expected: `the name or id of a voice, 1-${MAX_NAME} characters`,
        hint: 'Name the voice, as "Sarah".',
      },
      speed: {
        type: 'number',
        minimum: 0.7,
        maximum: 1.2,
        expected: 'a speed from 0.7 to 1.2',
        hint: "Leave it out for the voice's own speed.",
      },
      language: {
        type: 'string',
        maxLength: 35,
        pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
        expected: 'a language tag, such as en or pt-BR',
        hint: 'Leave it out if the language does not matter.',
      },
      group: {
        description: 'Sub-folder for the videos with this line, such as a language.',
        type: 'string',
        minLength: 1,
        maxLength: 40,
        pattern: '\\S',
        expected: 'a name of 1-40 characters',
        hint: 'Leave it out of all lines for one folder.',
      },
    },
  },
} as const;
