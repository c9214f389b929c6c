/** Reads what ffmpeg prints about the colours of a stream. Pure. */
import type { Probe } from '../model/probe.ts';

type Video = NonNullable<Probe['video']>;

export interface ColourTags extends Pick<Video, 'matrix' | 'gray'> {
  /** Transfer function in the stream's tags; null if it is untagged. */
  transfer: string | null;
}

/** What `matrix` is if the codec decides it. ffmpeg's own tags have other names. */
export const BT601 = 'bt601';
/** By their specifications, whatever the size. A tag still counts, as in Chrome: whoever sets one has converted the colours. */
const ONLY_BT601 = ['vp8', 'theora', 'mpeg1video', 'h263', 'flv1'];

/**
 * Takes the pixel format and the brackets after it: "tv, bt709, progressive" or "tv, matrix/primaries/transfer".
 */
export function colourTags(codec: string, pixels: string, tags: readonly string[]): ColourTags {
  const known = tags.find((tag) => !/^(tv|pc|progressive|unknown|\d+ bpc|.* first.*|)$/.test(tag));
  const [matrix, , transfer = matrix] = known?.split('/') ?? [];
  return {
    matrix: tagged(matrix) ?? (ONLY_BT601.includes(codec) ? BT601 : null),
    transfer: tagged(transfer),
    gray: grayOf(pixels, tags),
  };
}

/** Transparent gray is converted to colours before anything else. */
function grayOf(pixels: string, tags: readonly string[]): Video['gray'] {
  if (/^mono/.test(pixels)) return 'one bit';
  if (!/^gray/.test(pixels)) return null;
  return tags.includes('tv') ? 'limited' : 'full';
}

function tagged(name: string | undefined): string | null {
  return name === undefined || name === 'unknown' || name === 'reserved' ? null : name;
}
