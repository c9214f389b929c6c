import type { FromSchema } from 'json-schema-to-ts';
import { object, oneOf, orNull, textOrNull } from './shape.ts';

/** Fields of a status and of a manifest. */
export const joinFields = {
  video: orNull(
    oneOf(
      ['copied', 'encoded', 'mixed'],
      'copied: the frames are those of the clips. mixed: they are in some of the formats.',
    ),
    'What becomes of the pictures of all clips; null until that is decided, and if no clip can be used.',
  ),
  video_reason: textOrNull(
    'Why they are encoded, or in which formats; null if they are copied or the request asks for it.',
  ),
};
const joinSchema = object(joinFields);
export type JoinView = FromSchema<typeof joinSchema>;
