/** Fields of requests: pictures over the clips. */
import { DEFAULT_OVERLAY_POSITION, DEFAULT_OVERLAY_WIDTH, OVERLAY_POSITIONS } from '../overlays.ts';
import { MAX_BLOCKS, MAX_NAME, urlField } from './sources.ts';

const MAX_OVERLAYS = 10;

const seconds = (hint: string) =>
  ({ type: 'number', minimum: 0, maximum: 86_400, expected: 'seconds from 0 to 86400', hint }) as const;

export const overlaysField = {
  description: 'Pictures that are burned into the clips, the last one on top.',
  type: 'array',
  minItems: 1,
  maxItems: MAX_OVERLAYS,
  expected: `a list of 1-${MAX_OVERLAYS} overlays`,
  hint: 'List them as { "image": "https://..." }.',
  items: {
    type: 'object',
    required: ['image'],
    additionalProperties: false,
    expected: 'an overlay as { "image": ... }, with position, width, opacity, from, to, blocks',
    hint: 'Write it in that form.',
    properties: {
      image: urlField,
      position: {
        type: 'string',
        enum: OVERLAY_POSITIONS,
        expected: `one of ${OVERLAY_POSITIONS.join(', ')}`,
        hint: `Leave it out for ${DEFAULT_OVERLAY_POSITION}.`,
      },
      width: {
        description: 'Percent of the width of the video.',
        type: 'number',
        minimum: 1,
        maximum: 100,
        expected: 'percent from 1 to 100',
        hint: `Leave it out for ${DEFAULT_OVERLAY_WIDTH}.`,
      },
      opacity: {
        type: 'number',
        // With 0 it would be burned in vain.
        exclusiveMinimum: 0,
        maximum: 1,
        expected: 'an opacity above 0, up to 1',
        hint: 'Leave it out for 1.',
      },
      from: {
        ...seconds('Leave it out to show it from the start.'),
        description: 'Seconds from the start of each clip.',
      },
      to: {
        ...seconds('Leave it out to show it to the end.'),
        description: 'Seconds from the start of each clip.',
      },
      blocks: {
        description: 'Names of the blocks whose clips get it.',
        type: 'array',
        minItems: 1,
        maxItems: MAX_BLOCKS,
        uniqueItems: true,
        items: {
          type: 'string',
          minLength: 1,
          maxLength: MAX_NAME,
          expected: 'the name of a block of video_blocks',
          hint: 'Use the names of video_blocks.',
        },
        expected: 'a list of names of video blocks',
        hint: 'Leave it out for all blocks.',
      },
    },
  },
} as const;
