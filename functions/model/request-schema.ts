/**
 * The request: ajv validates by this schema and TypeScript takes its type from it.
 *
 * `expected` and `hint` are texts for callers: whichever keyword a value violates, the mistake reads
 * "Expected <expected>, got <value>. <hint>".
 */
import {
  DEFAULT_FADE_IN_SECONDS,
  DEFAULT_FADE_OUT_SECONDS,
  DEFAULT_LOUDNESS,
  DEFAULT_STILL_SECONDS,
} from './plan.ts';
import { TARGETS } from './targets.ts';

/** Ten blocks of two clips are already over the default limit of combinations. */
export const MAX_BLOCKS = 10;
/** URLs of one block: far above normal use, low enough to check while the caller waits. */
const MAX_URLS = 1_000;
/** Characters. Below what ElevenLabs accepts in one request, and far more than an ad needs. */
const MAX_TEXT = 5_000;
const MAX_TEXTS = 1_000;
export const MAX_NAME = 200;
/** Longest URL that common servers and proxies accept. */
const MAX_URL = 8_192;

const url = {
  type: 'string',
  minLength: 1,
  maxLength: MAX_URL,
  expected: 'an http(s), gs:// or upload: URL',
  hint: 'Give the address that downloads the file itself.',
} as const;

const urls = {
  type: 'array',
  items: url,
  minItems: 1,
  maxItems: MAX_URLS,
  expected: `a list of 1-${MAX_URLS} URLs`,
  hint: 'Put the URLs in a list, or leave the block out.',
} as const;

const namedBlocks = (what: string, most: number) =>
  ({
    type: 'array',
    minItems: 1,
    maxItems: most,
    expected: `1-${most} ${what} blocks`,
    hint: `Name each block and list its URLs: { "block1": ["https://..."] }.`,
    items: {
      type: 'object',
      required: ['name', 'urls'],
      additionalProperties: false,
      expected: 'a block as { "name": ..., "urls": [...] }',
      hint: 'Write it in that form.',
      properties: {
        name: {
          type: 'string',
          minLength: 1,
          maxLength: MAX_NAME,
          expected: `a name of 1-${MAX_NAME} characters`,
          hint: 'Name the block.',
        },
        urls,
      },
    },
  }) as const;

const keyedBlocks = (what: string, most: number) =>
  ({
    type: 'object',
    minProperties: 1,
    maxProperties: most,
    additionalProperties: urls,
    expected: `1-${most} ${what} blocks`,
    hint: `Name each block and list its URLs: { "block1": ["https://..."] }.`,
  }) as const;

const videoList = namedBlocks('video', MAX_BLOCKS);
const videoMap = keyedBlocks('video', MAX_BLOCKS);
const audioList = namedBlocks('audio', MAX_URLS);
const audioMap = keyedBlocks('audio', MAX_URLS);

const speech = {
  type: 'array',
  minItems: 1,
  maxItems: MAX_TEXTS,
  expected: `a list of 1-${MAX_TEXTS} lines`,
  hint: 'List lines as { "text": ..., "voice": ... }, or leave the field out for videos without a voice.',
  items: {
    type: 'object',
    required: ['text', 'voice'],
    additionalProperties: false,
    expected: 'a line as { "text": ..., "voice": ... }',
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
    },
  },
} as const;

const side = (what: string) =>
  ({
    type: 'integer',
    minimum: 64,
    maximum: 4096,
    multipleOf: 2,
    expected: `an even ${what} of 64-4096 pixels`,
    hint: 'H.264 in this format needs even sizes; 1080 and 1920 are usual.',
  }) as const;

const fade = (where: string, usual: number) =>
  ({
    description: `How long the music fades at its ${where}.`,
    type: 'number',
    minimum: 0,
    maximum: 60,
    expected: 'seconds from 0 to 60',
    hint: `Leave it out for ${usual}.`,
  }) as const;

/** Decimal names of rates; each stands for its exact fraction. */
export const OUTPUT_RATES = [23.976, 24, 25, 29.97, 30, 50, 59.94, 60] as const;

export const requestSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'ProcessMediaRequest',
  type: 'object',
  required: ['task_name', 'video_blocks'],
  additionalProperties: false,
  expected: 'an object with task_name and video_blocks',
  hint: 'Send the request as one JSON object.',
  properties: {
    task_name: {
      type: 'string',
      minLength: 1,
      maxLength: MAX_NAME,
      pattern: '\\S',
      expected: `a name of 1-${MAX_NAME} characters`,
      hint: 'The folder with the videos gets this name.',
    },
    video_blocks: {
      description: 'One clip of each block makes a combination, in block order.',
      if: { type: 'array' },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword.
      then: videoList,
      else: videoMap,
    },
    audio_blocks: {
      description: 'All URLs of all audio blocks are one pool; each video gets one of them as its music.',
      if: { type: 'array' },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword.
      then: audioList,
      else: audioMap,
    },
    text_to_speech: speech,
    text_to_speach: { ...speech, description: 'The same as text_to_speech.', deprecated: true },
    output: {
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      expected: 'an object with width and height, fps, fit, background, still_seconds, reencode, edit_lists',
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
        fit: {
          type: 'string',
          enum: ['contain', 'cover', 'blur'],
          expected: 'contain, cover or blur',
          hint: 'contain shows the whole clip, with bars if the aspect ratios differ.',
        },
        background: {
          description: 'Colour of the bars that fit contain leaves.',
          type: 'string',
          pattern: '^#[0-9a-fA-F]{6}$',
          expected: 'a colour as #rrggbb',
          hint: 'Write it as "#1a2b3c", or leave it out for black.',
        },
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
    },
    audio: {
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      expected:
        'an object with original_volume, duck, voice_offset_seconds, loudness, music_db, music_fade_in_seconds, ' +
        'music_fade_out_seconds',
      hint: 'Leave it out for music and voice alone, the music ducked under the voice.',
      properties: {
        original_volume: {
          type: 'number',
          minimum: 0,
          maximum: 1,
          expected: 'a volume from 0 to 1',
          hint: "0 drops the clips' own sound, 1 keeps it as it is.",
        },
        duck: {
          type: 'boolean',
          expected: 'true or false',
          hint: 'true brings the music down while the voice speaks.',
        },
        voice_offset_seconds: {
          description: 'When the voice begins.',
          type: 'number',
          minimum: 0,
          maximum: 600,
          expected: 'seconds from 0 to 600',
          hint: 'Leave it out for a voice from the start.',
        },
        loudness: {
          description:
            'What the whole video is brought to, in LUFS; null keeps the parts at their own levels.',
          type: ['number', 'null'],
          minimum: -40,
          maximum: -9,
          expected: 'a loudness from -40 to -9 LUFS, or null',
          hint: `Leave it out for ${DEFAULT_LOUDNESS}, at which platforms play videos.`,
        },
        music_db: {
          description: "Gain on the music's level.",
          type: 'number',
          minimum: -40,
          maximum: 20,
          expected: 'decibels from -40 to 20',
          hint: 'Leave it out for 0. A negative number makes the music quieter.',
        },
        music_fade_in_seconds: fade('beginning', DEFAULT_FADE_IN_SECONDS),
        music_fade_out_seconds: fade('end', DEFAULT_FADE_OUT_SECONDS),
      },
    },
    targets: {
      description: 'Platforms whose written limits each video is checked against.',
      type: 'array',
      minItems: 1,
      maxItems: TARGETS.length,
      uniqueItems: true,
      items: {
        type: 'string',
        enum: TARGETS,
        expected: TARGETS.join(', '),
        hint: 'Choose from these.',
      },
      expected: `a list of ${TARGETS.join(', ')}`,
      hint: 'List each platform once, or leave the field out.',
    },
    seed: {
      type: 'integer',
      minimum: 0,
      maximum: 4_294_967_295,
      expected: 'a whole number from 0 to 4294967295',
      hint: 'The same seed repeats the same choices; leave it out for new ones.',
    },
    callback_url: {
      description: 'Gets one signed event when the task has ended.',
      type: 'string',
      minLength: 1,
      maxLength: MAX_URL,
      expected: 'an http(s) URL',
      hint: 'Give the address at which your server takes events.',
    },
    metadata: {
      description: 'Returned unchanged with the status.',
      type: 'object',
      expected: 'an object',
      hint: 'Wrap the value in one: { "note": ... }.',
    },
    dry_run: {
      type: 'boolean',
      expected: 'true or false',
      hint: 'true returns the plan and makes nothing.',
    },
  },
} as const;

/** A block in the list form, which keeps any order of names. */
export interface NamedBlock {
  name: string;
  urls: string[];
}
