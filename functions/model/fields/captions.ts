/** Fields of requests: captions. */
import {
  CAPTION_FILES,
  CAPTION_FONTS,
  CAPTION_MODES,
  CAPTION_POSITIONS,
  DEFAULT_CAPTION_STYLE,
} from '../captions.ts';

const colour = (usual: string | null) =>
  ({
    type: 'string',
    pattern: '^#[0-9a-fA-F]{6}$',
    expected: 'a colour as #rrggbb',
    hint: `Leave it out for ${usual}.`,
  }) as const;

export const captionsField = {
  description: 'The spoken words, to be read.',
  type: 'object',
  required: ['mode'],
  additionalProperties: false,
  expected: 'an object with mode, files, font, size, colour, highlight, position, words_per_line, upper_case',
  hint: 'Write it as { "mode": "srt" }, or leave it out for no captions.',
  properties: {
    mode: {
      type: 'string',
      enum: CAPTION_MODES,
      expected: CAPTION_MODES.join(', '),
      hint: 'srt: files beside the videos. track: in the video, off and on. burn: in the picture.',
    },
    files: {
      description: 'Files beside each video; mode srt has srt by default.',
      type: 'array',
      minItems: 1,
      maxItems: CAPTION_FILES.length,
      uniqueItems: true,
      items: {
        type: 'string',
        enum: CAPTION_FILES,
        expected: CAPTION_FILES.join(' or '),
        hint: 'Choose from these.',
      },
      expected: `a list of ${CAPTION_FILES.join(', ')}`,
      hint: 'List each once, or leave the field out.',
    },
    font: {
      description: 'What it does not have is shown in the others.',
      type: 'string',
      enum: CAPTION_FONTS,
      expected: `one of ${CAPTION_FONTS.join(', ')}`,
      hint: `Leave it out for ${DEFAULT_CAPTION_STYLE.font}.`,
    },
    size: {
      description: 'Height of a line, percent of the shorter side of the picture.',
      type: 'number',
      minimum: 2,
      maximum: 20,
      expected: 'percent from 2 to 20',
      hint: `Leave it out for ${DEFAULT_CAPTION_STYLE.size}.`,
    },
    colour: colour(DEFAULT_CAPTION_STYLE.colour),
    highlight: {
      ...colour(DEFAULT_CAPTION_STYLE.highlight),
      description: 'Colour of the word that is spoken; null: none stands out.',
      type: ['string', 'null'],
      expected: 'a colour as #rrggbb, or null',
    },
    position: {
      type: 'string',
      enum: CAPTION_POSITIONS,
      expected: CAPTION_POSITIONS.join(', '),
      hint: `Leave it out for ${DEFAULT_CAPTION_STYLE.position}.`,
    },
    words_per_line: {
      type: 'integer',
      minimum: 1,
      maximum: 12,
      expected: 'a whole number from 1 to 12',
      hint: `Leave it out for ${DEFAULT_CAPTION_STYLE.wordsPerLine}.`,
    },
    upper_case: {
      description: 'Show the words in capitals.',
      type: 'boolean',
      expected: 'true or false',
      hint: `Leave it out for ${DEFAULT_CAPTION_STYLE.upperCase}.`,
    },
  },
} as const;
