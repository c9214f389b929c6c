/** Builds the filter graph that brings any picture into a profile. Pure. */

import type { Fit } from '../model/formats.ts';
import { type FrameRate, framesPerSecond, rateText } from '../model/frame-rate.ts';
import type { Profile } from '../model/pins.ts';
import { DEFAULT_BACKGROUND } from '../model/plan.ts';
import type { Probe } from '../model/probe.ts';
import { type BurnedOverlay, withOverlays } from './burn-graph.ts';
import { captioned } from './captions/burn.ts';
import { leapless } from './leaps.ts';
import { scaled, shapeOf } from './scale-graph.ts';
import { afterSeek } from './trim.ts';

type ClipVideo = NonNullable<Probe['video']>;

/** The blurred background is made at an eighth of the size, which no one can see and which takes a sixtieth of the time. */
const BLUR_AT = 8;
const BLUR = 'gblur=sigma=4,eq=brightness=-0.08';

export interface GraphWish {
  /** One for each picture that is made, of one rate. */
  profiles: readonly Profile[];
  /** The exact number of frames for a still image, and the maximum for a film. */
  frames: number;
  /** How often the last picture of a film is repeated; 0 if absent. */
  held?: number;
  /** Files of captionFile, one for each profile; undefined: none. Absolute paths. */
  captions?: readonly (string | undefined)[];
  /** Laid over the picture, the last one on top. */
  overlays?: readonly BurnedOverlay[];
  /** The first frame that is used, within the whole clip, and the seconds that were skipped by seeking; 0 if absent. */
  first?: number;
  skipped?: number;
  /** Filters that bring a picture to its encoder. */
  upload?: readonly string[];
}

/**
 * From the input stream to a picture of the size of each profile at their rate; see picturesOf. The head is common to
 * all, so that a clip is decoded once. Then each profile has its own fit, what is burned into it, and tail.
 */
export function videoGraph(video: ClipVideo, wish: GraphWish): string {
  const { profiles } = wish;
  const [first, ...others] = profiles as [Profile, ...Profile[]];
  const common = `[0:${video.stream}]${head(video, first.rate, wish).join(',')}`;
  if (others.length === 0) return `${common},${shaped(video, first, wish, 0)}[v]`;
  const places = [...profiles.keys()];
  return [
    `${common},split=${places.length}${places.map((place) => `[s${place}]`).join('')}`,
    ...profiles.map((profile, place) => `[s${place}]${shaped(video, profile, wish, place)}[v${place}]`),
  ].join(';');
}

/** The outputs of a graph for so many profiles, to be mapped. */
export function picturesOf(profiles: number): string[] {
  return profiles === 1 ? ['[v]'] : Array.from({ length: profiles }, (_, place) => `[v${place}]`);
}

/**
 * All that one profile has for itself. What is burned into the picture goes between fit and tail: there it is upright, has
 * the size of the profile, and is 4:2:0 of 8 bits. Captions come last: they change while a picture is repeated.
 */
function shaped(video: ClipVideo, profile: Profile, wish: GraphWish, place: number): string {
  const { profiles, frames, held = 0, overlays = [], captions = [], upload = [] } = wish;
  // Tells its labels from those of the others.
  const mark = profiles.length === 1 ? '' : String(place);
  const repeats = video.still ? frames - 1 : heldFrames(video, profile.rate) + held;
  const fitted = [...FIT[profile.fit](video, profile, mark), ...tail(repeats)].join(',');
  // What comes and goes is not repeated with the last picture.
  const burned = withOverlays(fitted, overlays, profile, mark);
  return [burned, ...(overlays.length > 0 ? tail(0) : []), ...captioned(captions[place]), ...upload].join(
    ',',
  );
}

function head(video: ClipVideo, rate: FrameRate, { frames, first = 0, skipped = 0 }: GraphWish): string[] {
  return [
    ...afterSeek('setpts', skipped),
    ...(video.interlaced ? ['bwdif=mode=send_frame:deint=interlaced'] : []),
    ...leapless('setpts', video, `${video.rate.den}/${video.rate.num}`),
    // Read by itself, it begins at 0.
    ...((video.later ?? 0) > 0 ? [`setpts=PTS+${video.later?.toFixed(6)}/TB`] : []),
    ...(video.still ? [] : aligned(video, rate)),
    // No start_time: if the size changes half-way, ffmpeg rebuilds the graph, which would start at 0 again.
    // A photo lasts a 25th of a second, which at 10 frames a second is rounded to none.
    `fps=fps=${rateText(rate)}:round=near${video.still ? ':eof_action=pass' : ''}`,
    // A jump in the timestamps would be filled with hours of copies of one frame.
    ...(first === 0 ? [`trim=end_frame=${video.still ? 1 : frames}`] : partFrom(first, frames, video, rate)),
    ...(video.alpha || video.alphaDecoder !== null ? ON_BLACK : []),
  ];
}

/**
 * By the frames' times, which count frames here: if the size changes half-way, the graph is rebuilt, and would skip as many
 * again. Where the last picture is held, that one is the part.
 */
function partFrom(first: number, frames: number, video: ClipVideo, rate: FrameRate): string[] {
  const last = untilFrame(video.seconds - video.held, video, rate) - 1;
  const from = Math.max(0, Math.min(first, last));
  // Newer builds forget the rate where times are moved: the last picture could not be held, and the header would say 25.
  const rated = `fps=fps=${rateText(rate)}:round=near`;
  return [`trim=start_pts=${from}:end_pts=${first + frames}`, `setpts=PTS-${from}`, rated];
}

/**
 * Makes the clip start on a whole frame. If it already has the wanted rate, also puts every frame on its exact place.
 * The fps filter alone takes the nearest frame for each instant. With timestamps that waver around the middle between
 * two instants it would repeat some frames and skip others.
 */
function aligned(video: ClipVideo, rate: FrameRate): string[] {
  const ahead = secondsAhead(video, rate);
  if (!video.steady || video.rate.num !== rate.num || video.rate.den !== rate.den) {
    return ahead === 0 ? [] : [`setpts=PTS-${ahead.toFixed(6)}/TB`];
  }
  const first = Math.round((video.start - ahead) * framesPerSecond(rate));
  const place = `round((T-${video.start.toFixed(6)})*${rate.num}/${rate.den})+${first}`;
  // Rounded here because setpts truncates: if a tick is a whole frame, a slightly small sum would be the frame before.
  return [`setpts='round((${place})*${rate.den}/${rate.num}/TB)'`];
}

/** Sound that starts this little before the picture is padding of the encoder, and is cut off. */
const LEAD_IN_SECONDS = 0.1;

/**
 * By how many seconds picture and sound of a clip are moved to an earlier time, so that they stay in sync and the clip's
 * first frame starts together with a frame of the video: the first one, if the clip's picture starts early enough.
 */
export function secondsAhead({ start }: Pick<ClipVideo, 'start'>, rate: FrameRate): number {
  if (start < LEAD_IN_SECONDS) return start < 1e-5 ? 0 : start;
  const fps = framesPerSecond(rate);
  const ahead = start - Math.floor(start * fps + 0.01) / fps;
  return ahead < 1e-5 ? 0 : ahead;
}

/** Puts transparent pictures on black without a second input. The filter supports these formats only. */
const ON_BLACK = [
  'format=yuva420p|yuva422p|yuva444p|yuva422p10|yuva444p10|yuva444p12|gbrap|gbrap10|gbrap12',
  'premultiply=inplace=1',
];

/** How a picture of another shape is fitted into the profile. */
const FIT: Record<Fit, (video: ClipVideo, profile: Profile, mark: string) => string[]> = {
  contain,
  cover,
  blur,
};

/** Shows the whole picture, with bars. */
function contain(video: ClipVideo, profile: Profile, mark: string): string[] {
  const { width, height, background } = profile;
  const whole = [...wholeIn(video, profile), 'setsar=1'];
  if (background === DEFAULT_BACKGROUND) {
    return [...whole, `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:black`];
  }
  // pad converts the colour by BT.601 or BT.709, depending on the build. So the bars are made from the picture instead.
  const { y, cb, cr } = yuvOf(background);
  const bars = `scale=${width}:${height}:flags=neighbor,setsar=1,lutyuv=y=${y}:u=${cb}:v=${cr}`;
  return [...whole, inFrontOf(bars, mark)];
}

/** Fills the frame and cuts off what is too wide or too tall. */
function cover(video: ClipVideo, { width, height }: Profile): string[] {
  const size = coverSize(width, height, shapeOf(video));
  return [...scaled(video, size), 'setsar=1', `crop=${width}:${height}`];
}

/** Shows the whole picture in front of a blurred copy of itself. */
function blur(video: ClipVideo, profile: Profile, mark: string): string[] {
  const { width, height } = profile;
  // The blurred copy would be hidden completely.
  if (sameShape(video, profile)) return contain(video, profile, mark);
  const [across, down] = [even(width / BLUR_AT), even(height / BLUR_AT)];
  const behind = [
    `scale=${coverSize(across, down, 'dar').join(':')}:flags=bilinear`,
    `crop=${across}:${down}`,
    BLUR,
    `scale=${width}:${height}:flags=bilinear`,
    'setsar=1',
  ];
  return [...wholeIn(video, profile), 'setsar=1', inFrontOf(behind.join(','), mark)];
}

/** Puts the picture in the middle of a background that the filters in `behind` make from it. */
function inFrontOf(behind: string, mark: string): string {
  const [front, back, ready] = [`[front${mark}]`, `[back${mark}]`, `[behind${mark}]`];
  return `split${front}${back};${back}${behind}${ready};${ready}${front}overlay=(W-w)/2:(H-h)/2:format=yuv420`;
}

/** Scales the whole picture to the largest size that fits, in 4:2:0. */
function wholeIn(video: ClipVideo, { width, height }: Profile): string[] {
  const shape = shapeOf(video);
  const wider = `gt(${shape},${width}/${height})`;
  return scaled(video, [
    `'if(${wider},${width},2*max(1,round(${height}*${shape}/2)))'`,
    `'if(${wider},2*max(1,round(${width}/${shape}/2)),${height})'`,
  ]);
}

/** Width and height that cover a frame; `shape` is as in shapeOf. */
function coverSize(width: number, height: number, shape: string): [across: string, down: string] {
  const wider = `gt(${shape},${width}/${height})`;
  return [
    `'if(${wider},2*ceil(${height}*${shape}/2),${width})'`,
    `'if(${wider},${height},2*ceil(${width}/${shape}/2))'`,
  ];
}

function sameShape(video: ClipVideo, { width, height }: Profile): boolean {
  const shape = video.width / video.height;
  return even(width / shape) === height || even(height * shape) === width;
}

function even(length: number): number {
  return 2 * Math.max(1, Math.round(length / 2));
}

/** BT.709, limited range. https://www.itu.int/rec/R-REC-BT.709 */
function yuvOf(rgb: string): { y: number; cb: number; cr: number } {
  const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(rgb.slice(at, at + 2), 16) / 255) as [
    number,
    number,
    number,
  ];
  const luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return {
    y: Math.round(16 + 219 * luma),
    cb: Math.round(128 + (224 * (b - luma)) / 1.8556),
    cr: Math.round(128 + (224 * (r - luma)) / 1.5748),
  };
}

/** Sets all colour tags, because missing ones would be copied from the source into the stream's header. */
function tail(repeats: number): string[] {
  return [
    'setsar=1',
    'format=yuv420p',
    'setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709:field_mode=prog',
    // What is repeated is scaled once.
    ...(repeats > 0 ? [`tpad=stop=${repeats}:stop_mode=clone`] : []),
  ];
}

/** How many frames at the end show the last picture again. */
function heldFrames(video: ClipVideo, rate: FrameRate): number {
  const { seconds, held } = video;
  return untilFrame(seconds, video, rate) - untilFrame(seconds - held, video, rate);
}

function untilFrame(end: number, video: ClipVideo, rate: FrameRate): number {
  return Math.round((end - secondsAhead(video, rate)) * framesPerSecond(rate));
}
