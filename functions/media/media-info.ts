/**
 * Parses what ffmpeg prints about a file while it lists its packets. A file's metadata is printed as it is, so it can
 * contain lines that look like ffmpeg's own. Facts therefore come only from the list of packets, from lines that contain
 * what the file's author cannot know (our separator, the path of the file), and from where no metadata is printed. Pure.
 */

import type { Probe } from '../model/probe.ts';
import { type AudioInfo, readAudio } from './audio-info.ts';
import { mayLackLines } from './bounded-lines.ts';
import { isSampleEncrypted } from './codec-tag.ts';
import { type ColourTags, colourTags } from './colour-tags.ts';
import type { ListedStream } from './packets.ts';

type Stored = NonNullable<NonNullable<Probe['video']>['stored']>;

export interface VideoInfo extends ColourTags {
  stream: number;
  /** As displayed, after sample aspect and rotation. */
  width: number;
  height: number;
  /** From the header, so misleading for a variable rate. Null if the header has none. */
  fps: number | null;
  /** Of one picture as stored. */
  pixels: number;
  codec: string;
  interlaced: boolean;
  /** Parts of the picture may be transparent. */
  alpha: boolean;
  stored: Pick<Stored, 'pixels' | 'fullRange' | 'turned' | 'square' | 'sideData'>;
}

export interface MediaInfo {
  /** The names of ffmpeg's demuxer, such as mov,mp4,m4a. */
  format: string;
  /** What ffmpeg printed before it described the file, and after it: its own messages. */
  messages: string;
  /** Length from the header in seconds; null if it has none, or if the metadata contains what looks like one. */
  seconds: number | null;
  /** The header has no length, so ffmpeg estimated one from the bit rate. */
  estimated: boolean;
  /** A single picture as cameras write it: PNG, JPEG or WebP. */
  still: boolean;
  /** The default stream, or else the first. Cover art does not count. */
  video: VideoInfo | null;
  /** The default stream, or else the first, among those that can be decoded, or else among all. */
  audio: AudioInfo | null;
  /** Why the picture would come out wrong even though it decodes. Completes "got". */
  misleading: string | null;
  /** Decoders that some stream needs and that are not on the list. */
  refused: ReadonlySet<string>;
}

export interface Printed {
  /** From a run at log level info. */
  stderr: string;
  /** Path of the file. The names of our work folders are random. */
  file: string;
  /** A random text between the fields of each output stream, whose metadata was removed. */
  separator: string;
  /** The same streams in the list of packets. */
  listed: readonly ListedStream[];
}

/** Demuxers of files whose header may have no length. */
const WITHOUT_LENGTH = ['mp3', 'aac', 'ac3', 'eac3', 'amr', 'mpeg', 'mpegts'];

/** Undefined if ffmpeg could not open the file. */
export function readMediaInfo({ stderr, file, separator, listed }: Printed): MediaInfo | undefined {
  const opened = openedAt(stderr, file);
  if (opened === undefined) return undefined;
  const lines = stderr.slice(opened.end).split('\n');
  const outputs = outputStreams(lines, separator);
  const inputs = inputNumbers(lines);
  const last = outputs.at(-1)?.lastLine ?? lines.length;
  const dumped = lines.slice(0, outputs[0]?.firstLine ?? lines.length);
  const before = stderr.slice(0, opened.start);
  const refused = new Set(
    [...before.matchAll(/Codec \((\w+)\) not on whitelist/g)].map(([, name = '']) => name),
  );
  const streams = listed.flatMap((facts, at) => {
    const { [at]: said } = outputs;
    const { [at]: stream } = inputs;
    return said === undefined || stream === undefined ? [] : [{ ...said, stream, facts }];
  });
  const still = /^\w+_pipe$/.test(opened.format);
  return {
    format: opened.format,
    messages: [before, ...lines.slice(last + 1)].join('\n'),
    seconds: mayLackLines(stderr) ? null : secondsIn(dumped),
    estimated: WITHOUT_LENGTH.includes(opened.format) && /Estimating duration from bitrate/.test(before),
    still,
    // Photos are turned by us, and some builds print a turn for them too.
    video: defaultOf(streams, (stream) => readVideo(still ? { ...stream, below: '' } : stream, dumped)),
    audio: audioOf(streams, before),
    misleading: streams.some(({ below }) => DOLBY_ONLY.test(below)) ? DOLBY_ADVICE : null,
    refused,
  };
}

/** Where ffmpeg begins and ends the line that says that it opened the file. */
function openedAt(stderr: string, file: string): { start: number; end: number; format: string } | undefined {
  const marker = `, from 'file:${file}':`;
  const at = stderr.indexOf(marker);
  if (at < 0) return undefined;
  const start = stderr.lastIndexOf('\n', at) + 1;
  const format = /^Input #0, ([\w,-]+)$/.exec(stderr.slice(start, at))?.[1];
  return format === undefined ? undefined : { start, end: at + marker.length, format };
}

interface OutputStream {
  /** Index of its line, and of the last line of its side data. */
  firstLine: number;
  lastLine: number;
  fields: string[];
  marked: boolean;
  below: string;
}

/** The streams of the output. Lines below one are its side data. */
export function outputStreams(lines: readonly string[], separator: string): OutputStream[] {
  const streams: OutputStream[] = [];
  for (const [at, line] of lines.entries()) {
    const previous = streams.at(-1);
    if (line.includes(separator)) {
      const marked = /\(default\)/.test(line);
      streams.push({ firstLine: at, lastLine: at, fields: line.split(separator), marked, below: '' });
    } else if (previous?.lastLine === at - 1 && /^ {4}/.test(line)) {
      previous.lastLine = at;
      previous.below += `${line}\n`;
    }
  }
  return streams;
}

/** Which streams of the file are in the output. No metadata follows the last heading, in any build. */
export function inputNumbers(lines: readonly string[]): number[] {
  const below = lines.slice(lines.lastIndexOf('Stream mapping:') + 1);
  return below.flatMap((line) => {
    const found = /^ {2}Stream #0:(\d{1,4}) -> #0:\d{1,4} \(copy\)$/.exec(line);
    return found === null ? [] : [Number(found[1])];
  });
}

/** ffmpeg prints the length exactly once. Another such line comes from the metadata, and nothing tells them apart. */
function secondsIn(dumped: readonly string[]): number | null {
  const [found, ...more] = dumped.filter((line) => line.startsWith('  Duration: '));
  if (found === undefined || more.length > 0) return null;
  const duration = /^ {2}Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?),/.exec(found);
  return duration === null
    ? null
    : Number(duration[1]) * 3600 + Number(duration[2]) * 60 + Number(duration[3]);
}

/** A stream of the file, by its line in the output and by the list of packets. */
export interface Described extends OutputStream {
  stream: number;
  facts: ListedStream;
}

/** Players take the stream marked as default, for example among languages, or an editor's sound beside the camera's. */
function defaultOf<T>(streams: readonly Described[], read: (stream: Described) => T | null): T | null {
  const found = streams.flatMap((stream) => {
    const info = read(stream);
    return info === null ? [] : [{ info, marked: stream.marked }];
  });
  return (found.find(({ marked }) => marked) ?? found[0])?.info ?? null;
}

function audioOf(streams: readonly Described[], before: string): AudioInfo | null {
  const read = (stream: Described) => readAudio(stream, before);
  const usable = (stream: Described) => {
    const info = read(stream);
    return info?.refused === null ? info : null;
  };
  return defaultOf(streams, usable) ?? defaultOf(streams, read);
}

/** Only Dolby's own players know the colour space of profile 5. Others show it green and violet. */
const DOLBY_ONLY = /^ +DOVI configuration record:.* profile: 5,/m;
const DOLBY_ADVICE = 'Dolby Vision profile 5; export it as HDR10, HLG or SDR';

/** Formats with transparency. A palette may contain it. */
const ALPHA = /^(yuva|gbrap|rgba|bgra|argb|abgr|ya\d|pal8)/;

function readVideo({ stream, facts, fields, below }: Described, dumped: readonly string[]): VideoInfo | null {
  const { kind, codec, width, height } = facts;
  if (kind !== 'video' || codec === 'none' || width === 0 || height === 0) return null;
  if (isSampleEncrypted(fields[0] ?? '')) return null;
  const [, pixels = '', tagList = ''] = /^(\w+)(?:\(([^)]*))?/.exec(fields[1] ?? '') ?? [];
  // VP8 and VP9 store transparency beside the picture. Only a tag says so, which a file may contain without it.
  const beside = /^vp[89]$/.test(codec) && facts.extras && dumped.some((line) => ALPHA_TAG.test(line));
  return {
    stream,
    ...displayed(facts, below),
    fps: rateIn(fields),
    pixels: width * height,
    codec,
    interlaced: /\b(top|bottom)( coded)? first/.test(tagList),
    ...colourTags(codec, pixels, tagList.split(', ')),
    alpha: ALPHA.test(pixels) || beside,
    stored: {
      pixels,
      fullRange: tagList.split(', ').includes('pc'),
      turned: below.includes('displaymatrix'),
      square: facts.sampleAspect === 1,
      sideData: facts.extras,
    },
  };
}

const ALPHA_TAG = /^ +alpha_mode +: 1$/i;

function displayed(
  { width: stored, height, sampleAspect }: ListedStream,
  below: string,
): Pick<VideoInfo, 'width' | 'height'> {
  const width = Math.max(1, Math.round(stored * sampleAspect));
  const turn = Number(/displaymatrix: rotation of (-?[\d.]+) degrees/.exec(below)?.[1] ?? 0);
  const upright = Math.abs(Math.abs(turn) - 90) > 45;
  return upright ? { width, height } : { width: height, height: width };
}

/** Reads "29.97 fps" or "1k fps". "tbr" is ffmpeg's guess if the header has no rate. */
function rateIn(fields: readonly string[]): number | null {
  for (const field of fields) {
    const found = /^([\d.]+)(k?) (?:fps|tbr)/.exec(field);
    const fps = found === null ? 0 : Number(found[1]) * (found[2] === 'k' ? 1000 : 1);
    if (fps > 0) return fps;
  }
  return null;
}
