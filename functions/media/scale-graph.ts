/** Builds the filters that scale a picture, convert its colours to BT.709 of limited range, and turn it upright. Pure. */
import type { Profile } from '../model/pins.ts';
import type { Probe } from '../model/probe.ts';
import { BT601 } from './colour-tags.ts';
import { isOnItsSide } from './photo-file.ts';

type ClipVideo = NonNullable<Probe['video']>;

/** Like players, treats untagged video at least this wide or high as BT.709 and smaller video as BT.601. */
const HD_SIDE = 1280;

/** A photo is still scaled down by this much after it was decoded smaller, so that nobody sees it. */
const SCALED_AFTER_HALVING = 1.5;

/**
 * How often the sides of a photo can be halved while it is decoded, at most 3, so that it suffices for all profiles. See
 * photoInput.
 */
export function halvings(
  video: ClipVideo,
  profiles: readonly Pick<Profile, 'width' | 'height' | 'fit'>[],
): number {
  const larger = profiles.map(({ width, height, fit }) => {
    const choose = fit === 'cover' ? Math.min : Math.max;
    return choose(video.width / width, video.height / height) / SCALED_AFTER_HALVING;
  });
  return Math.min(3, Math.max(0, Math.floor(Math.log2(Math.min(...larger)))));
}

/** Width by height as displayed, for expressions of `scale`. `dar` includes the sample aspect and what ffmpeg itself turns. */
export function shapeOf({ orientation }: ClipVideo): string {
  return isOnItsSide(orientation) ? '(1/dar)' : 'dar';
}

/** Scales to a size as displayed, in 4:2:0. Turns afterwards, because a photo of 48 million pixels takes 70 MB. */
export function scaled(video: ClipVideo, [across, down]: readonly [string, string]): string[] {
  const size = isOnItsSide(video.orientation) ? `${down}:${across}` : `${across}:${down}`;
  return [
    // Its range cannot be converted.
    ...(video.gray === 'one bit' ? ['format=gray'] : []),
    `scale=${size}:${scaling(video)}`,
    // Now it is of limited range, whatever the filter was told.
    ...(video.gray === null ? [] : [`format=yuv420p${video.hdr ? '10' : ''}`, 'setparams=range=tv']),
    ...toneMap(video),
    'format=yuv420p',
    ...(TURNS[video.orientation] ?? []),
  ];
}

/** Filters that turn a picture upright, by EXIF orientation. */
const TURNS: Readonly<Record<number, string[]>> = {
  2: ['hflip'],
  3: ['hflip', 'vflip'],
  4: ['vflip'],
  5: ['transpose=cclock_flip'],
  6: ['transpose=clock'],
  7: ['transpose=clock_flip'],
  8: ['transpose=cclock'],
};

/** "auto" is what the decoder says, which for VP8 is BT.601 even if its container says otherwise. */
const NAMED = [BT601, 'bt709'];

/** ffmpeg takes gray for full range, some builds only that of 8 bits. So gray of limited range is not converted at all. */
const RANGES = {
  full: 'in_range=pc:out_range=tv',
  limited: 'in_range=pc:out_range=pc',
  'one bit': 'in_range=pc:out_range=tv',
};

function scaling(video: ClipVideo): string {
  const flags = 'flags=bicubic+accurate_rnd+full_chroma_int';
  // Gray has no matrix, but between equal ones a shorter way is taken, which loses a code from 10 bits to 8.
  if (video.gray) return `${flags}:in_color_matrix=bt601:out_color_matrix=bt709:${RANGES[video.gray]}`;
  if (video.hdr) return flags;
  return `${flags}:in_color_matrix=${matrixOf(video)}:out_color_matrix=bt709:in_range=auto:out_range=tv`;
}

/** That of a picture with colours, for `in_color_matrix`. */
function matrixOf({ matrix, width, height }: ClipVideo): string {
  // "auto" treats untagged video of any size as BT.601, which shifts the greens of HD.
  if (matrix === null) return Math.max(width, height) >= HD_SIDE ? 'bt709' : 'bt601';
  return NAMED.includes(matrix) ? matrix : 'auto';
}

/**
 * The same to RGB of full range with transparency, whose colours are multiplied by it: only so can it be scaled without a
 * fringe.
 * @param size as displayed, in pixels
 */
export function asOverlay(video: ClipVideo, { width, height }: { width: number; height: number }): string[] {
  const flags = 'flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp';
  // It has no transparency that could matter.
  if (video.hdr) {
    return [...scaled(video, [String(width), String(height)]), `scale=${flags}:in_color_matrix=bt709`, RGB];
  }
  const size = isOnItsSide(video.orientation) ? `${height}:${width}` : `${width}:${height}`;
  const range = video.gray === null ? 'auto' : video.gray === 'limited' ? 'tv' : 'pc';
  const from = `in_range=${range}${video.gray === null ? `:in_color_matrix=${matrixOf(video)}` : ''}`;
  return [
    ...(video.gray === 'one bit' ? ['format=gray'] : []),
    ...(video.alpha
      ? [`scale=${flags}:${from}`, RGB, 'premultiply=inplace=1', `scale=${size}:${flags}`]
      : [`scale=${size}:${flags}:${from}`, RGB]),
    ...(TURNS[video.orientation] ?? []),
  ];
}

const RGB = 'format=gbrap';

/** Runs after scaling, which takes a third of the time and two thirds of the memory. zscale needs tags, so they are set. */
function toneMap({ hdr }: ClipVideo): string[] {
  if (!hdr) return [];
  const transfer = hdr === 'pq' ? 'smpte2084' : 'arib-std-b67';
  return [
    `setparams=color_primaries=bt2020:color_trc=${transfer}:colorspace=bt2020nc`,
    'zscale=t=linear:npl=203',
    'format=gbrpf32le',
    'zscale=p=bt709',
    'tonemap=mobius:param=0.3:desat=0',
    'zscale=t=bt709:m=bt709:r=tv',
  ];
}
