/** Parses what `ffmpeg -i` prints about a file. Pure. */

export interface VideoInfo {
  stream: number;
  /** As displayed, after sample aspect and rotation. */
  width: number;
  height: number;
  /** From the header, so misleading for a variable rate. Null if the header has none. */
  fps: number | null;
  codec: string;
  interlaced: boolean;
  /** Colour matrix and transfer from the stream's tags; null if it is untagged. */
  matrix: string | null;
  transfer: string | null;
  /** Parts of the picture may be transparent. */
  alpha: boolean;
}

export interface MediaInfo {
  /** Length from the header in seconds; null if it has none. */
  seconds: number | null;
  /** The header has no length, so ffmpeg estimated one from the bit rate. */
  estimated: boolean;
  /** A single picture as cameras write it: PNG, JPEG or WebP. */
  still: boolean;
  /** The default stream, or else the first. Cover art does not count. */
  video: VideoInfo | null;
  /** The default stream, or else the first, among those that can be decoded. */
  audio: AudioInfo | null;
  /** Why the picture would come out wrong even though it decodes. Completes "got". */
  misleading: string | null;
  /** Decoders that some stream needs and that are not on the list. */
  refused: ReadonlySet<string>;
}

export interface AudioInfo {
  stream: number;
  /** Samples per second. */
  rate: number;
}

/** Undefined if ffmpeg could not open the file. `stderr` comes from a run at log level info. */
export function readMediaInfo(stderr: string): MediaInfo | undefined {
  const begin = stderr.search(/^Input #0, /m);
  if (begin < 0) return undefined;
  // Values of the file's own metadata are indented by four or more, so they cannot pass for one of these lines.
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

/** Players take the stream marked as default, for example among languages, or an editor's sound beside the camera's. */
function defaultOf<T>(texts: readonly string[], read: (text: string) => T | null): T | null {
  const found = texts.flatMap((text) => {
    const stream = read(text);
    return stream === null ? [] : [{ stream, marked: /^[^\n]*\(default\)/.test(text) }];
  });
  return (found.find(({ marked }) => marked) ?? found[0])?.stream ?? null;
}

/** Brands of ISO 14496-12 for photos. They consist of tiles, which ffmpeg takes for films. */
const PHOTO_BRANDS = /^ {4}major_brand +: (heic|heix|heim|heis|mif1|avif)\s*$/m;
/** Only Dolby's own players know the colour space of profile 5. Others show it green and violet. */
const DOLBY_ONLY = /^ +DOVI configuration record:.* profile: 5,/m;

function misleadingIn(input: string): string | null {
  const brand = PHOTO_BRANDS.exec(input)?.[1];
  if (brand !== undefined)
    return `a photo as ${brand === 'avif' ? 'AVIF' : 'HEIC'}; send it as JPEG, PNG or WebP`;
  return DOLBY_ONLY.test(input) ? 'Dolby Vision profile 5; export it as HDR10, HLG or SDR' : null;
}

function readAudio(text: string, refused: ReadonlySet<string>): AudioInfo | null {
  // "none" means that ffmpeg cannot decode it, such as the spatial audio of phones.
  const found = /^Stream #0:(\d+)[^\n]*?: Audio: (?!none)(\w+)[^\n]*? (\d+) Hz,/.exec(text);
  if (found === null || refused.has(found[2] as string)) return null;
  return { stream: Number(found[1]), rate: Number(found[3]) };
}

/** Pixel formats with transparency. A palette may contain it. */
const ALPHA = /^(yuva|gbrap|rgba|bgra|argb|abgr|ya\d|pal8)/;

function readVideo(text: string): VideoInfo | null {
  const [line = ''] = text.split('\n');
  const found = /^Stream #0:(\d+).*?: Video: (?!none)(\w+)[^,]*, (?:(\w+)(?:\(([^)]*))?)?/.exec(line);
  // The size stands between commas. A codec tag may contain something similar, such as "1x31637661".
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
    // VP8 and VP9 store transparency beside the picture, and only this tag says so.
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

/** Reads "29.97 fps" or "1k fps". "tbr" is ffmpeg's guess if the header has no rate. */
function rateIn(line: string): number | null {
  const found = /, ([\d.]+)(k?) fps/.exec(line) ?? /, ([\d.]+)(k?) tbr/.exec(line);
  const fps = found === null ? 0 : Number(found[1]) * (found[2] === 'k' ? 1000 : 1);
  return fps > 0 ? fps : null;
}

/** Reads the brackets after the pixel format: "tv, bt709, progressive" or "tv, matrix/primaries/transfer". */
function colours(tags: readonly string[]): Pick<VideoInfo, 'matrix' | 'transfer'> {
  const known = tags.find((tag) => !/^(tv|pc|progressive|unknown|\d+ bpc|.* first.*|)$/.test(tag));
  const [matrix, , transfer = matrix] = known?.split('/') ?? [];
  return { matrix: tagged(matrix), transfer: tagged(transfer) };
}

function tagged(name: string | undefined): string | null {
  return name === undefined || name === 'unknown' || name === 'reserved' ? null : name;
}
