/** Finds out what a file from a caller contains, and refuses files that cannot be used. */
import { PermanentError } from '../base/errors.ts';
import type { Probe } from '../model/pins.ts';
import { missingAviBytes } from './avi-size.ts';
import type { Ffmpeg, RunResult } from './ffmpeg.ts';
import { FfmpegError, lastMessage } from './ffmpeg-error.ts';
import type { RunLimits } from './limits.ts';
import { type MediaInfo, readMediaInfo } from './media-info.ts';
import { gridStart, measureRate, type Packets, readPackets } from './packets.ts';
import { MAX_PIXELS, untrustedInput } from './untrusted.ts';

/** A probe decodes at most one picture and writes nothing. The index of a two-hour file takes 100 MB. */
const LIMITS: RunLimits = { timeoutMs: 60_000, memoryMb: 512, fileMb: 0 };
/** Half the rate of telephones, and twice the highest rate of studios. */
const LEAST_SAMPLE_RATE = 4_000;
const HIGHEST_SAMPLE_RATE = 768_000;
/** Frames per second of the fastest phones. */
const HIGHEST_RATE = 1_000;
/** Streams may be a little shorter than the header says. A broken upload lacks more. */
const MISSING_SECONDS = 1;
const MISSING_SHARE = 0.1;
/** The same if ffmpeg itself reports that the file breaks off. */
const MISSING_SECONDS_BROKEN = 0.1;
/** What demuxers print if the bytes end too early. */
const BROKEN_OFF = /^\[.*(partial file|File ended prematurely|corrupt input packet|Packet corrupt|Truncat)/im;
/** Formats without a beginning or end. A recording of them often starts within a packet. */
const STREAMS = /^Input #0, (mpegts|mpeg),/m;

/** A still has no rate, and the one that ffmpeg makes up for it must not become the rate of a task. */
const STILL_RATE = { num: 30, den: 1 };

/**
 * Inspects a file from a caller in one run that decodes nothing (two if its default streams are not its first). `seconds`
 * is the header's length, except for sound alone: headers of MP3 and AAC only estimate it, so the packets are used.
 * Throws PermanentError 'media_unreadable' if no format on the list fits, 'media_truncated' if the packets end well
 * before the header's length.
 */
export async function probe(
  ffmpeg: Ffmpeg,
  file: string,
  { signal }: { signal: AbortSignal },
): Promise<Probe> {
  const { stdout, stderr } = await runForOutput(ffmpeg, file, probeArguments(file), signal);
  const info = readMediaInfo(stderr);
  if (info === undefined) throw notOpened(stderr);
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

/** Without stream numbers, takes the first stream of each kind. */
export function probeArguments(file: string, streams: readonly number[] = []): string[] {
  const maps = streams.length === 0 ? ['0:V:0?', '0:a:0?'] : streams.map((stream) => `0:${stream}`);
  return [
    // The streams are listed at level info.
    ...['-v', 'info', '-nostats'],
    ...untrustedInput(file),
    // No -frames to limit the list: if sound ends first, it drops the last frame (seen with 7.0).
    ...[...maps.flatMap((map) => ['-map', map]), '-c', 'copy', '-f', 'framecrc', '-'],
  ];
}

/** The packet list of the default streams, which are not always the first of their kind. */
async function listOf(
  ffmpeg: Ffmpeg,
  file: string,
  { video, audio }: MediaInfo,
  { stdout, stderr }: RunResult,
  signal: AbortSignal,
): Promise<string> {
  const wanted = [video, audio].flatMap((found) => (found === null ? [] : [found.stream]));
  const listed = [...stderr.matchAll(/^ {2}Stream #0:(\d+) -> #0:\d+ \(copy\)/gm)].map(([, stream]) =>
    Number(stream),
  );
  // An extra stream matters too, because times are counted from the earliest stream that is read.
  if (wanted.length === 0 || (wanted.length === listed.length && wanted.every((one) => listed.includes(one))))
    return stdout;
  return (await runForOutput(ffmpeg, file, probeArguments(file, wanted), signal)).stdout;
}

/** A failed run returns its output too: without a stream to list ffmpeg fails, but prints what it found. */
async function runForOutput(
  ffmpeg: Ffmpeg,
  file: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<RunResult> {
  try {
    return await ffmpeg.run(args, { signal, ...LIMITS, reads: [file] });
  } catch (error) {
    if (!FfmpegError.is(error)) throw error;
    if (error.exitCode === null || error.exceeded !== null) throw unreadable(error.shortMessage, error);
    return { stdout: '', stderr: error.stderr };
  }
}

/** Why ffmpeg could not open the file. */
function notOpened(stderr: string): PermanentError {
  const refused = /^\[(\w+)[^\]]*\] Format not on whitelist/m.exec(stderr)?.[1];
  if (refused !== undefined) return unreadable(`a file of the format ${refused}, which is not accepted`);
  // The index is at the beginning or the end of an MP4. ffmpeg may take anything for an MP4 "with low score".
  if (/moov atom not found/.test(stderr) && !/with low score/.test(stderr)) {
    return new PermanentError(
      'media_truncated',
      'probe',
      'Expected an MP4 with an index (moov), got one that ends before it. Upload or export it again.',
    );
  }
  return unreadable(lastMessage(stderr));
}

function unreadable(actual: string, cause?: unknown): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a video or audio file (such as MP4, MOV, WebM, MKV, MP3, M4A or WAV), got: ${actual}. ` +
      'Check that the URL leads to the file itself and not to a page about it.',
    { cause },
  );
}

/** Refuses what no decoder on the list reads, and sample rates that would take gigabytes to convert to 48 kHz. */
function refuseExotic({ video, audio, refused, misleading }: MediaInfo): void {
  if (misleading !== null) throw unreadable(misleading);
  if (video !== null && refused.has(video.codec)) {
    throw unreadable(`a picture coded as ${video.codec}, which is not accepted`);
  }
  if (audio !== null && (audio.rate < LEAST_SAMPLE_RATE || audio.rate > HIGHEST_SAMPLE_RATE)) {
    throw unreadable(`sound of ${audio.rate} samples a second`);
  }
}

/** Some decoders check the size first and refuse the picture themselves. The stream then has no size. */
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

/** Picture and sound may end at different times, so only the later end shows how far the bytes reach. */
function refuseTruncated(info: MediaInfo, packets: readonly Packets[], brokenOff: boolean): void {
  if (packets.length === 0 || info.estimated) return;
  if (info.seconds === null) {
    if (!brokenOff) return;
    throw new PermanentError(
      'media_truncated',
      'probe',
      'Expected a complete recording, got one that breaks off. Upload it again.',
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

/** Only the decoder of a photo finds out which side is up, so a still is decoded to learn its size as displayed. */
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
  const { stdout, stderr } = await runForOutput(ffmpeg, file, args, signal);
  const shown = /^#dimensions 0: (\d+)x(\d+)/m.exec(stdout);
  if (shown === null) throw unreadable(lastMessage(stderr));
  // The JPEG decoder fills in what is missing and reports success.
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
    `Expected an AVI as large as its header says, got ${missing} bytes less. Upload it again.`,
  );
}

function videoOf(
  { video: info, still: single }: Pick<MediaInfo, 'video' | 'still'>,
  packets: Packets | undefined,
): Probe['video'] {
  if (info === null || packets === undefined || packets.times.length === 0) return null;
  // All of them would have to be decoded to show a few.
  if (packets.times.length > HIGHEST_RATE * (packets.end + 1)) {
    throw unreadable(`${packets.times.length} pictures in ${packets.end.toFixed(1)} s`);
  }
  const { stream, width, height, interlaced, matrix, transfer, alpha, codec } = info;
  // A GIF with one picture is a still, not a clip of one frame.
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
