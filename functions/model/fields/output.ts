/** Fields of requests: the picture of the videos. */
import { KNOWN_FORMAT_NAMES } from '../formats.ts';
import { DEFAULT_STILL_SECONDS } from '../plan.ts';

/** Six shapes cover all placements of the platforms. */
const MAX_FORMATS = 6;

/** Decimal names of rates; each stands for its exact fraction. */
export const OUTPUT_RATES = [23.976, 24, 25, 29.97, 30, 50, 59.94, 60] as const;

const side = (what: string) =>
  ({
    type: 'integer',
    minimum: 64,
    maximum: 4096,
    multipleOf: 2,
    expected: `an even ${what} of 64-4096 pixels`,
    hint: 'H.264 in this format needs even sizes; 1080 and 1920 are usual.',
  }) as const;

const fit = {
  type: 'string',
  enum: ['contain', 'cover', 'blur'],
  expected: 'contain, cover or blur',
  hint: 'contain shows the whole clip, with bars if the aspect ratios differ.',
} as const;

const background = {
  description: 'Colour of the bars that fit contain leaves.',
  type: 'string',
  pattern: '^#[0-9a-fA-F]{6}$',
  expected: 'a colour as #rrggbb',
  hint: 'Write it as "#1a2b3c", or leave it out for black.',
} as const;

const names = KNOWN_FORMAT_NAMES.join(', ');

const formats = {
  description:
    'Every combination is made in each of these shapes, in a sub-folder of its own if there are several.',
  type: 'array',
  minItems: 1,
  maxItems: MAX_FORMATS,
  expected: `a list of 1-${MAX_FORMATS} formats`,
  hint: `List names of ${names}, or objects with name, width and height.`,
  items: {
    if: { type: 'object' },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword.
    then: {
      type: 'object',
      required: ['name'],
      additionalProperties: false,
      expected: 'a format as { "name": ..., "width": ..., "height": ... }, with fit, background',
      hint: `Write it in that form, or name one of ${names}.`,
      properties: {
        name: {
          type: 'string',
          pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,19}$',
          expected: 'a name of 1-20 letters, digits, - and _',
          hint: `Choose one, such as ${KNOWN_FORMAT_NAMES[0]}: it ends the file names.`,
        },
        width: side('width'),
        height: side('height'),
        fit,
        background,
      },
    },
    else: {
      type: 'string',
      enum: KNOWN_FORMAT_NAMES,
      expected: `one of ${names}, or an object with name, width and height`,
      hint: 'Choose one, or describe it.',
    },
  },
} as const;

const fileName = {
  description: 'Template of the file names, without the extension.',
  type: 'string',
  minLength: 1,
  maxLength: 200,
  pattern: '\\S',
  expected: 'a template of 1-200 characters',
  hint: 'Write it as "{task}-hook{n:hooks}", or leave it out for the usual names.',
} as const;

export const outputField = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  expected:
    'an object with width and height, fps, fit, background, formats, file_name, still_seconds, reencode, edit_lists',
  hint: 'Leave it out to take size and rate from the first clip.',
  properties: {
    width: side('width'),
    height: side('height'),
    fps: {
      type: 'number',
      enum: OUTPUT_RATES,
      expected: `one of the frame rates ${OUTPUT_RATES.join(', ')}`,
      hint: 'Choose the nearest.',
    },
    fit,
    background,
    formats,
    file_name: fileName,
    still_seconds: {
      description: 'How long a still image is shown.',
      type: 'number',
      minimum: 0.1,
      maximum: 600,
      expected: 'seconds from 0.1 to 600',
      hint: `Leave it out for ${DEFAULT_STILL_SECONDS}.`,
    },
    reencode: {
      description: 'Encode every clip, even if they could be joined as they are.',
      type: 'boolean',
      expected: 'true or false',
      hint: 'Leave it out to copy clips that can be joined as they are.',
    },
    edit_lists: {
      description: "Write edit lists, as Apple's players may need them.",
      type: 'boolean',
      expected: 'true or false',
      hint: 'Leave it out for videos without edit lists, as platforms ask for.',
    },
  },
} as const;
