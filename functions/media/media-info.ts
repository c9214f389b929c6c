/** Reads what `ffmpeg -i` says about a file. Pure. */

export interface VideoInfo {
  stream: number;
  /** As displayed: after sample aspect and rotation. */
  width: number;
  height: number;
  /** By the header; misleading for a variable rate. Null where it says nothing. */
  fps: number | null;
  codec: string;
  interlaced: boolean;
  /** Colour matrix and transfer by the stream's tags; null where it has none. */
  matrix: string | null;
  transfer: string | null;
  /** Some of it may be transparent. */
  alpha: boolean;
}

export interface MediaInfo {
  /** Length by the header, seconds; null where it has none. */
  seconds: number | null;
  /** The header has no length; ffmpeg guessed one by the bit rate. */
  estimated: boolean;
  /** One picture, as cameras write it: PNG, JPEG, WebP. */
  still: boolean;
  /** The default stream, else the first; no cover art. */
  video: VideoInfo | null;
  /** The default stream, else the first, of those that can be decoded. */
  audio: AudioInfo | null;
  /** Why this is no picture that can be shown as it was meant, whatever decodes; completes "got". */
  misleading: string | null;
  /** Decoders that some stream asked for and that are not on the list. */
  refused: ReadonlySet<string>;
}

export interface AudioInfo {
  stream: number;
  /** Samples per second. */
  rate: number;
}

/** Undefined where ffmpeg could not open the file. `stderr`: of a run at log level info. */
export function readMediaInfo(stderr: string): MediaInfo | undefined {
  const begin = stderr.search(/^Input #0, /m);
  if (begin < 0) return undefined;
  // Values of the file's own metadata are indented by four and more; none can pass for one of these lines.
  const [input = ''] = stderr.slice(begin).split(/^(?:Stream mapping:|Output #0|At least one output)/m);
  const streams = input.split(/^ {2}(?=Stream #0:)/m).slice(1);
  const refused = new Set(
    [...stderr.matchAll(/Codec \((\w+)\) not on whitelist/g)].map(([, name = '']) => name),
  );
  const duration = /^ {2}Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)/m.exec(input);
  return {
    seconds:
      duration === null ? null : Number(duration[1]) * 3600 + Number(duration[2]) * 60 + Number(duration[3]),
    estimated: /Estimating duration from bitrate/.test(stderr),
    still: /^Input #0, \w+_pipe,/.test(input),
    video: defaultOf(streams, readVideo),
    audio: defaultOf(streams, (text) => readAudio(text, refused)),
    misleading: misleadingIn(input),
    refused,
  };
}

/** Of several languages, or of a camera's own and an editor's sound, players take the one that is marked. */
function defaultOf<T>(texts: readonly string[], read: (text: string) => T | null): T | null {
  const found = texts.flatMap((text) => {
    const stream = read(text);
    return stream === null ? [] : [{ stream, marked: /^[^\n]*\(default\)/.test(text) }];
  });
  return (found.find(({ marked }) => marked) ?? found[0])?.stream ?? null;
}

/** Brands of ISO 14496-12 that are photos: ffmpeg takes the tiles that they are cut into for films. */
const PHOTO_BRANDS = /^ {4}major_brand +: (heic|heix|heim|heis|mif1|avif)\s*$/m;
/** Its colours are in a space that only Dolby's own players know; without them it is green and violet. */
const DOLBY_ONLY = /^ +DOVI configuration record:.* profile: 5,/m;

function misleadingIn(input: string): string | null {
  const brand = PHOTO_BRANDS.exec(input)?.[1];
  if (brand !== undefined)
    return `a photo as ${brand === 'avif' ? 'AVIF' : 'HEIC'}; send it as JPEG, PNG or WebP`;
  return DOLBY_ONLY.test(input) ? 'Dolby Vision of profile 5; export it as HDR10, HLG or SDR' : null;
}

function readAudio(text: string, refused: ReadonlySet<string>): AudioInfo | null {
  // "none": ffmpeg cannot decode it, as the spatial sound of phones.
  const found = /^Stream #0:(\d+)[^\n]*?: Audio: (?!none)(\w+)[^\n]*? (\d+) Hz,/.exec(text);
  if (found === null || refused.has(found[2] as string)) return null;
  return { stream: Number(found[1]), rate: Number(found[3]) };
}

/** Pixel formats with transparency; a palette may have some. */
const ALPHA = /^(yuva|gbrap|rgba|bgra|argb|abgr|ya\d|pal8)/;

function readVideo(text: string): VideoInfo | null {
  const [line = ''] = text.split('\n');
  const found = /^Stream #0:(\d+).*?: Video: (?!none)(\w+)[^,]*, (?:(\w+)(?:\(([^)]*))?)?/.exec(line);
  // Not "1x31637661" in a codec tag: a size stands between commas.
  const size = /, (\d+)x(\d+)(?: \[SAR (\d+):(\d+)|[ ,]|$)/.exec(line);
  if (found === null || size === null || /\((attached pic|timed thumbnails)\)/.test(line)) return null;
  const tags = (found[4] ?? '').split(', ');
  return {
    stream: Number(found[1]),
    ...displayed(size, text),
    fps: rateIn(line),
    codec: found[2] as string,
    interlaced: /\b(top|bottom)( coded)? first/.test(found[4] ?? ''),
    ...colours(tags),
    // VP8 and VP9 keep transparency beside the picture, and say so only there.
    alpha: ALPHA.test(found[3] ?? '') || /^ +alpha_mode +: 1$/m.test(text),
  };
}

function displayed(size: RegExpExecArray, text: string): Pick<VideoInfo, 'width' | 'height'> {
  const [across, down, sarAcross, sarDown] = size.slice(1).map((digits) => Number(digits ?? 1)) as [
    number,
    number,
    number,
    number,
  ];
  const width = Math.max(1, Math.round((across * (sarAcross || 1)) / (sarDown || 1)));
  const turn = Number(/displaymatrix: rotation of (-?[\d.]+) degrees/.exec(text)?.[1] ?? 0);
  const upright = Math.abs(Math.abs(turn) - 90) > 45;
  return upright ? { width, height: down } : { width: down, height: width };
}

/** "29.97 fps", "1k fps"; "tbr" is ffmpeg's guess where the header has no rate. */
function rateIn(line: string): number | null {
  const found = /, ([\d.]+)(k?) fps/.exec(line) ?? /, ([\d.]+)(k?) tbr/.exec(line);
  const fps = found === null ? 0 : Number(found[1]) * (found[2] === 'k' ? 1000 : 1);
  return fps > 0 ? fps : null;
}

/** In brackets after the pixel format: "tv, bt709, progressive" or "tv, matrix/primaries/transfer". */
function colours(tags: readonly string[]): Pick<VideoInfo, 'matrix' | 'transfer'> {
  const known = tags.find((tag) => !/^(tv|pc|progressive|unknown|\d+ bpc|.* first.*|)$/.test(tag));
  const [matrix, , transfer = matrix] = known?.split('/') ?? [];
  return { matrix: tagged(matrix), transfer: tagged(transfer) };
}

function tagged(name: string | undefined): string | null {
  return name === undefined || name === 'unknown' || name === 'reserved' ? null : name;
}
