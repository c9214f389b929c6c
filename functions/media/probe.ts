import { PermanentError } from '../base/errors.ts';
import type { Probe } from '../model/pins.ts';
import { missingAviBytes } from './avi-size.ts';
import type { Ffmpeg, RunResult } from './ffmpeg.ts';
import { FfmpegError, lastWords } from './ffmpeg-error.ts';
import type { RunLimits } from './limits.ts';
import { type MediaInfo, readMediaInfo } from './media-info.ts';
import { gridStart, measureRate, type Packets, readPackets } from './packets.ts';
import { MAX_PIXELS, untrustedInput } from './untrusted.ts';

/** Nothing is decoded but a first picture, and nothing written; the index of two hours takes 100 MB. */
const LIMITS: RunLimits = { timeoutMs: 60_000, memoryMb: 512, fileMb: 0 };
/** Half of what telephones have, and twice what studios have. */
const LEAST_SAMPLE_RATE = 4_000;
const HIGHEST_SAMPLE_RATE = 768_000;
/** Pictures per second, of the fastest phones. */
const HIGHEST_RATE = 1_000;
/** A header may name a length that no stream quite fills; a broken upload lacks more. */
const MISSING_SECONDS = 1;
const MISSING_SHARE = 0.1;
/** The same where ffmpeg itself says that the file breaks off. */
const MISSING_SECONDS_BROKEN = 0.1;
/** What demuxers say when the bytes end too early. */
const BROKEN_OFF = /^\[.*(partial file|File ended prematurely|corrupt input packet|Packet corrupt|Truncat)/im;
/** Streams without a beginning or an end: a recording of them often begins within a packet. */
const STREAMS = /^Input #0, (mpegts|mpeg),/m;

/** A still has none of its own; what ffmpeg makes up for it must not become the rate of a task. */
const STILL_RATE = { num: 30, den: 1 };

/**
 * Looks at a file someone sent us, in one run that decodes nothing (two where its default streams are not its first).
 * `seconds` is the header's length; for sound alone the length of its packets, as mp3 and aac headers guess. Throws
 * PermanentError 'media_unreadable' where it is no medium on the list of formats, 'media_truncated' where its packets
 * end far before its header's length.
 */
export async function probe(
  ffmpeg: Ffmpeg,
  file: string,
  { signal }: { signal: AbortSignal },
): Promise<Probe> {
  const { stdout, stderr } = await looked(ffmpeg, probeArguments(file), signal);
  const info = readMediaInfo(stderr);
  if (info === undefined) throw unopened(stderr);
  refuseHuge(info, stderr);
  refuseExotic(info);
  await refuseCutAvi(file);
  const packets = readPackets(await listOf(ffmpeg, file, info, { stdout, stderr }, signal));
  refuseTruncated(info, packets, BROKEN_OFF.test(stderr) && !STREAMS.test(stderr));
  const sound = packets.find(({ kind }) => kind === 'audio');
  const video = videoOf(
    await asDisplayed(ffmpeg, file, info, signal),
    packets.find(({ kind }) => kind === 'video'),
  );
  return {
    seconds: video === null && sound !== undefined ? sound.end : info.seconds,
    video,
    audio: info.audio && { stream: info.audio.stream },
  };
}

/** Without numbers of streams, those that come first. */
export function probeArguments(file: string, streams: readonly number[] = []): string[] {
  const maps = streams.length === 0 ? ['0:V:0?', '0:a:0?'] : streams.map((stream) => `0:${stream}`);
  return [
    // Level info is what lists the streams.
    ...['-v', 'info', '-nostats'],
    ...untrustedInput(file),
    // No -frames to bound the list: where sound ends first, it drops the last frame (seen on 7.0).
    ...[...maps.flatMap((map) => ['-map', map]), '-c', 'copy', '-f', 'framecrc', '-'],
  ];
}

/** The packets of the streams that are meant, which are not always the first of their kind. */
async function listOf(
  ffmpeg: Ffmpeg,
  file: string,
  { video, audio }: MediaInfo,
  { stdout, stderr }: RunResult,
  signal: AbortSignal,
): Promise<string> {
  const meant = [video, audio].flatMap((found) => (found === null ? [] : [found.stream]));
  const listed = [...stderr.matchAll(/^ {2}Stream #0:(\d+) -> #0:\d+ \(copy\)/gm)].map(([, stream]) =>
    Number(stream),
  );
  // Also where one too many was listed: times are counted from the earliest of those that are read.
  if (meant.length === 0 || (meant.length === listed.length && meant.every((one) => listed.includes(one))))
    return stdout;
  return (await looked(ffmpeg, probeArguments(file, meant), signal)).stdout;
}

/** Its failure is no news by itself: without streams to list ffmpeg fails, having said what there is. */
async function looked(ffmpeg: Ffmpeg, args: readonly string[], signal: AbortSignal): Promise<RunResult> {
  try {
    return await ffmpeg.run(args, { signal, ...LIMITS });
  } catch (error) {
    if (!FfmpegError.is(error)) throw error;
    if (error.exitCode === null || error.exceeded !== null) throw unreadable(error.shortMessage, error);
    return { stdout: '', stderr: error.stderr };
  }
}

/** Why ffmpeg opened nothing. */
function unopened(stderr: string): PermanentError {
  const refused = /^\[(\w+)[^\]]*\] Format not on whitelist/m.exec(stderr)?.[1];
  if (refused !== undefined) return unreadable(`a file of the format ${refused}, which is not accepted`);
  // MP4 begins with or ends in its index; anything at all may look like an MP4 "with low score".
  if (/moov atom not found/.test(stderr) && !/with low score/.test(stderr)) {
    return new PermanentError(
      'media_truncated',
      'probe',
      'Expected an MP4 with its index (moov), got one without: it ends too early. Upload or export it again.',
    );
  }
  return unreadable(lastWords(stderr));
}

function unreadable(actual: string, cause?: unknown): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a video or audio file (MP4, MOV, WebM, MKV, MP3, M4A, WAV and the like), got: ${actual}. ` +
      'Check that the URL gives the file itself and not a page about it.',
    { cause },
  );
}

/** What no decoder on the list reads, and sound that takes gigabytes to bring to 48 kHz: a second for each sample. */
function refuseExotic({ video, audio, refused, misleading }: MediaInfo): void {
  if (misleading !== null) throw unreadable(misleading);
  if (video !== null && refused.has(video.codec)) {
    throw unreadable(`a picture coded as ${video.codec}, which is not accepted`);
  }
  if (audio !== null && (audio.rate < LEAST_SAMPLE_RATE || audio.rate > HIGHEST_SAMPLE_RATE)) {
    throw unreadable(`sound of ${audio.rate} samples a second`);
  }
}

/** Decoders that look at the picture first refuse it themselves; the stream is then left without a size. */
function refuseHuge({ video, audio }: MediaInfo, stderr: string): void {
  const refused = /Picture size (\d+x\d+) (?:exceeds|is invalid)/.exec(stderr)?.[1];
  if (video !== null && video.width * video.height > MAX_PIXELS) {
    throw huge(`${video.width}x${video.height}`);
  }
  if (video === null && audio === null && refused !== undefined) throw huge(refused);
}

function huge(size: string): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a picture of at most ${MAX_PIXELS / 1e6} million pixels, got ${size}. Export it smaller.`,
  );
}

/** A picture may end before its sound and the other way round; only together they say how far the bytes reach. */
function refuseTruncated(info: MediaInfo, packets: readonly Packets[], brokenOff: boolean): void {
  if (packets.length === 0 || info.estimated) return;
  if (info.seconds === null) {
    if (!brokenOff) return;
    throw new PermanentError(
      'media_truncated',
      'probe',
      'Expected a recording with an end, got one that breaks off. Upload it again.',
    );
  }
  const reached = Math.max(...packets.map(({ end }) => end));
  const missing = info.seconds - reached;
  const allowed = brokenOff
    ? MISSING_SECONDS_BROKEN
    : Math.max(MISSING_SECONDS, info.seconds * MISSING_SHARE);
  if (missing <= allowed) return;
  throw new PermanentError(
    'media_truncated',
    'probe',
    `Expected ${info.seconds.toFixed(1)} s, as the file's header says, got ${reached.toFixed(1)} s. Upload it again.`,
  );
}

/** A photo says which side is up where only its decoder looks. */
async function asDisplayed(
  ffmpeg: Ffmpeg,
  file: string,
  info: MediaInfo,
  signal: AbortSignal,
): Promise<Pick<MediaInfo, 'video' | 'still'>> {
  const { video, still } = info;
  if (video === null || !still) return { video, still };
  const args = [
    ...['-v', 'warning', ...untrustedInput(file), '-map', `0:${video.stream}`],
    ...['-frames:v', '1', '-f', 'framecrc', '-'],
  ];
  const { stdout, stderr } = await looked(ffmpeg, args, signal);
  const shown = /^#dimensions 0: (\d+)x(\d+)/m.exec(stdout);
  if (shown === null) throw unreadable(lastWords(stderr));
  // The decoder of JPEG makes up what is missing.
  if (/overread/.test(stderr)) {
    throw new PermanentError(
      'media_truncated',
      'probe',
      'Expected a whole picture, got the beginning of one. Upload it again.',
    );
  }
  return { video: { ...video, width: Number(shown[1]), height: Number(shown[2]) }, still };
}

async function refuseCutAvi(file: string): Promise<void> {
  const missing = await missingAviBytes(file);
  if (missing === 0) return;
  throw new PermanentError(
    'media_truncated',
    'probe',
    `Expected an AVI of the size that it says itself, got ${missing} bytes less. Upload it again.`,
  );
}

function videoOf(
  { video: info, still: single }: Pick<MediaInfo, 'video' | 'still'>,
  packets: Packets | undefined,
): Probe['video'] {
  if (info === null || packets === undefined || packets.times.length === 0) return null;
  // All of them would be decoded for the few that are shown.
  if (packets.times.length > HIGHEST_RATE * (packets.end + 1)) {
    throw unreadable(`${packets.times.length} pictures in ${packets.end.toFixed(1)} s`);
  }
  const { stream, width, height, interlaced, matrix, transfer, alpha, codec } = info;
  // Of a GIF with one picture nobody expects a clip of one frame.
  const still = single || (codec === 'gif' && packets.times.length === 1);
  const rate = still ? STILL_RATE : measureRate(packets.times, info.fps ?? 30);
  const grid = gridStart(packets.times, rate);
  return {
    stream,
    width,
    height,
    rate,
    start: grid ?? (packets.times[0] as number),
    steady: grid !== null,
    still,
    seconds: packets.end,
    packets: packets.times.length,
    interlaced,
    matrix,
    hdr: transfer === 'smpte2084' ? 'pq' : transfer === 'arib-std-b67' ? 'hlg' : null,
    alpha,
    alphaDecoder: alpha ? (({ vp8: 'libvpx', vp9: 'libvpx-vp9' } as const)[codec] ?? null) : null,
  };
}
