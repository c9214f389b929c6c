/**
 * The request: ajv validates by this schema and TypeScript takes its type from it.
 *
 * `expected` and `hint` are texts for callers: whichever keyword a value violates, the mistake reads
 * "Expected <expected>, got <value>. <hint>".
 */
import type { FromSchema } from 'json-schema-to-ts';
import { audioField } from './fields/audio.ts';
import { captionsField } from './fields/captions.ts';
import { coverField } from './fields/cover.ts';
import { outputField } from './fields/output.ts';
import { overlaysField } from './fields/overlays.ts';
import { excludeField, includeField, limitField, selectionField } from './fields/selection.ts';
import { audioList, audioMap, MAX_NAME, MAX_URL, videoList, videoMap } from './fields/sources.ts';
import { speechField } from './fields/speech.ts';
import { TARGETS } from './targets.ts';

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
    text_to_speech: speechField,
    text_to_speach: { ...speechField, description: 'The same as text_to_speech.', deprecated: true },
    output: outputField,
    audio: audioField,
    selection: selectionField,
    limit: limitField,
    include: includeField,
    exclude: excludeField,
    captions: captionsField,
    cover: coverField,
    overlays: overlaysField,
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

export type ProcessMediaRequest = FromSchema<typeof requestSchema, { parseIfThenElseKeywords: true }>;
