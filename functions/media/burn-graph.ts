/** Builds the filters that lay pictures over a clip, between the fit and the tail of a profile. Pure. */
import { canonicalJson } from '../base/canonical-json.ts';
import { framesPerSecond } from '../model/frame-rate.ts';
import type { Overlay } from '../model/overlays.ts';
import type { Profile } from '../model/pins.ts';
import { filterText } from './filter-text.ts';
import { safeBox } from './safe-box.ts';

/** A picture that makeOverlayImage has made, and how it is shown. */
export interface BurnedOverlay extends Omit<Overlay, 'image'> {
  picture: OverlayPicture;
}

export interface OverlayPicture {
  /** Absolute path. */
  file: string;
  /** Names all that decides what is in the file. */
  key: string;
  width: number;
  height: number;
}

/** In pixels, all of them even, so that colours of 4:2:0 fall on their places. */
export interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** All that decides what an overlay does to a clip: a picture counts by what is in it. */
export function overlayIdentity({ picture, ...shown }: BurnedOverlay): string {
  return canonicalJson({ ...shown, picture: picture.key });
}

type Frame = Pick<Profile, 'width' | 'height'>;

/**
 * A chain of filters, and behind it those that lay the overlays over its picture, the first one first. The chain ends with a
 * 4:2:0 picture of the size of the profile that has all its frames, also those that repeat others. `mark` tells the labels
 * from those of other chains.
 */
export function withOverlays(
  chain: string,
  overlays: readonly BurnedOverlay[],
  profile: Profile,
  mark: string,
): string {
  return overlays.reduce((before, overlay, at) => {
    const [under, picture] = [`under${mark}_${at}`, `picture${mark}_${at}`];
    const place = placeOf(overlay, profile);
    const shown = [
      `overlay=x=${place.x}:y=${place.y}`,
      // Left to choose, it would convert the clip to RGB or to 4:4:4.
      'format=yuv420:alpha=straight',
      ...enabled(overlay, profile),
    ];
    return `${before}[${under}];${pictureChain(overlay, place, `${mark}_${at}`)}[${picture}];[${under}][${picture}]${shown.join(':')}`;
  }, chain);
}

/** What they take at most besides the clip: each its file, and what is made of it for each profile. Measured. */
export function overlaysMemoryMb(overlays: readonly BurnedOverlay[], profiles: readonly Profile[]): number {
  const bytes = profiles.flatMap((profile) =>
    overlays.map((overlay) => {
      const { width, height } = placeOf(overlay, profile);
      return 8 * overlay.picture.width * overlay.picture.height + 30 * width * height;
    }),
  );
  return Math.ceil(bytes.reduce((sum, some) => sum + some, 0) / 1e6);
}

/** Where an overlay is shown, within the picture and if it can be within the safe box. */
export function placeOf(
  { picture, position, width: percent }: Pick<BurnedOverlay, 'picture' | 'position' | 'width'>,
  frame: Frame,
): Place {
  // A very tall picture is no higher than the video.
  const across = Math.min((frame.width * percent) / 100, (frame.height * picture.width) / picture.height);
  const width = even(across, frame.width);
  const height = even((across * picture.height) / picture.width, frame.height);
  const box = safeBox(frame);
  const [side, level] = [
    position.endsWith('left') ? 'least' : position.endsWith('right') ? 'most' : 'middle',
    position.startsWith('top') ? 'least' : position.startsWith('bottom') ? 'most' : 'middle',
  ] as const;
  return {
    x: at(side, width, { whole: frame.width, from: box.left, to: box.right }),
    y: at(level, height, { whole: frame.height, from: box.top, to: box.bottom }),
    ...{ width, height },
  };
}

/** What is too large for the safe box leaves it towards the other side, but not the picture. */
function at(
  where: 'least' | 'middle' | 'most',
  size: number,
  { whole, from, to }: { whole: number; from: number; to: number },
): number {
  const wanted = { least: from, middle: (whole - size) / 2, most: to - size }[where];
  const within = Math.min(Math.max(wanted, 0), whole - size);
  return 2 * Math.floor(within / 2);
}

function even(length: number, most: number): number {
  return Math.min(2 * Math.max(1, Math.round(length / 2)), 2 * Math.floor(most / 2));
}

const SCALING = 'flags=bicubic+accurate_rnd+full_chroma_int';
const TO_BT709 = 'flags=accurate_rnd+full_chroma_int+full_chroma_inp:out_color_matrix=bt709:out_range=tv';

/**
 * The picture in 4:2:0 with transparency, from a file whose colours are multiplied by it. A filter reads the file, not an
 * input: where a clip changes its size, ffmpeg builds the graph anew, and an input of one picture has none left.
 */
function pictureChain({ picture, opacity }: BurnedOverlay, { width, height }: Place, mark: string): string {
  const [sharp, half, bled, colours, alpha, opaque, veil] = [
    ...['sharp', 'half', 'bled', 'colours', 'alpha', 'opaque', 'veil'],
  ].map((name) => `[${name}${mark}]`);
  return [
    `movie=filename=${filterText(`file:${picture.file}`)}:format_name=png_pipe,format=gbrap,` +
      `scale=${width}:${height}:${SCALING},setsar=1,split${sharp}${half}`,
    // Where it is transparent it has the colour of what is beside it: pixels of colour are as large as four of brightness.
    `${half}scale=${width / 2}:${height / 2}:flags=area+accurate_rnd,unpremultiply=inplace=1,format=gbrp,` +
      `scale=${width}:${height}:flags=neighbor,setsar=1${bled}`,
    `${sharp}unpremultiply=inplace=1,split${colours}${alpha}`,
    `${bled}${colours}overlay=format=gbrp:alpha=straight,scale=${TO_BT709},format=yuv420p${opaque}`,
    `${alpha}alphaextract${opacity === 1 ? '' : `,lut=y=val*${opacity}+0.5`}${veil}`,
    `${opaque}${veil}alphamerge,format=yuva420p,setparams=range=tv:colorspace=bt709`,
  ].join(';');
}

/** From the first frame at or after `from` until before the first at or after `to`. */
function enabled({ from, to }: Pick<Overlay, 'from' | 'to'>, { rate }: Profile): string[] {
  const fps = framesPerSecond(rate);
  // Half a frame earlier, as times are rounded.
  const before = (seconds: number) => ((Math.ceil(seconds * fps - 1e-6) - 0.5) / fps).toFixed(6);
  const conditions = [
    ...(from > 0 ? [`gte(t,${before(from)})`] : []),
    ...(to === null ? [] : [`lt(t,${before(to)})`]),
  ];
  return conditions.length === 0 ? [] : [`enable='${conditions.join('*')}'`];
}
