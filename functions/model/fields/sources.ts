/** Fields of requests: clips and tracks in their blocks. */

/** Ten blocks of two clips are already over the default limit of combinations. */
export const MAX_BLOCKS = 10;
/** URLs of one block: far above normal use, low enough to check while the caller waits. */
export const MAX_URLS = 1_000;
export const MAX_NAME = 200;
/** Longest URL that common servers and proxies accept. */
export const MAX_URL = 8_192;
/** Seconds. Longer than any clip that is accepted. */
const MAX_SECONDS = 86_400;

export const urlField = {
  type: 'string',
  minLength: 1,
  maxLength: MAX_URL,
  expected: 'an http(s), gs:// or upload: URL',
  hint: 'Give the address that downloads the file itself.',
} as const;

const seconds = (hint: string) =>
  ({
    type: 'number',
    minimum: 0,
    maximum: MAX_SECONDS,
    expected: `seconds from 0 to ${MAX_SECONDS}`,
    hint,
  }) as const;

const clip = {
  type: 'object',
  required: ['url'],
  additionalProperties: false,
  expected: 'a URL, or an object with url, name, start_seconds, end_seconds, volume',
  hint: 'Write it as { "url": "https://..." }.',
  properties: {
    url: urlField,
    name: {
      description: 'What the file names show.',
      type: 'string',
      minLength: 1,
      maxLength: MAX_NAME,
      pattern: '[\\p{L}\\p{N}]',
      expected: `a name of 1-${MAX_NAME} characters with a letter or digit`,
      hint: 'Leave it out for the name of the file.',
    },
    start_seconds: seconds('Leave it out to begin at the start.'),
    end_seconds: seconds('Leave it out to go on to the end.'),
    volume: {
      description:
        "Of a clip's own sound, in place of audio.original_volume; of a track, as it is otherwise.",
      type: 'number',
      minimum: 0,
      maximum: 2,
      expected: 'a volume from 0 to 2',
      hint: '0 is silent, 1 keeps the sound as it is.',
    },
  },
} as const;

const clipOrUrl = {
  if: { type: 'object' },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword.
  then: clip,
  else: urlField,
} as const;

const urls = {
  type: 'array',
  items: clipOrUrl,
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

export const videoList = namedBlocks('video', MAX_BLOCKS);
export const videoMap = keyedBlocks('video', MAX_BLOCKS);
export const audioList = namedBlocks('audio', MAX_URLS);
export const audioMap = keyedBlocks('audio', MAX_URLS);

/** A clip or track in the form of an object. */
export interface ClipObject {
  url: string;
  name?: string;
  start_seconds?: number;
  end_seconds?: number;
  volume?: number;
}

/** A block in the list form, which keeps any order of names. */
export interface NamedBlock {
  name: string;
  urls: (string | ClipObject)[];
}
