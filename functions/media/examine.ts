/** Runs ffmpeg to list what a file contains, without decoding any of it. */
import { randomUUID } from 'node:crypto';
import type { Ffmpeg } from './ffmpeg.ts';
import { FfmpegError } from './ffmpeg-error.ts';
import type { RunLimits } from './limits.ts';
import { type MediaInfo, readMediaInfo } from './media-info.ts';
import { type ListedStream, PacketReader } from './packets.ts';
import { unreadable } from './unreadable.ts';
import { untrustedInput } from './untrusted.ts';

/** The index of a two-hour file takes 100 MB. */
export const PROBE_MEMORY_MB = 384;
/** Nothing is written, and at most one picture decoded. */
const LIMITS: RunLimits = { timeoutMs: 60_000, memoryMb: PROBE_MEMORY_MB, fileMb: 0 };

export interface Examined {
  /** Undefined if ffmpeg could not open the file. */
  info: MediaInfo | undefined;
  stderr: string;
  listed: readonly ListedStream[];
}

/** @param separator a random text, which marks the lines that no metadata can imitate */
export function probeArguments(
  file: string,
  separator: string,
  maps: readonly string[],
  maxPixels?: number,
): string[] {
  return [
    // The streams are listed at level info.
    ...['-v', 'info', '-nostats'],
    ...untrustedInput(file, maxPixels),
    ...maps.flatMap((map) => ['-map', map]),
    ...['-map_metadata', '-1', '-map_chapters', '-1', '-dump_separator', separator],
    // No -frames to limit the list: if sound ends first, it drops the last frame (seen with 7.0).
    ...['-c', 'copy', '-f', 'framecrc', '-'],
  ];
}

/** Cover art is not mapped. If streams cannot be listed together, those of one kind can. */
const EXAMINED = [['0:V?', '0:a?'], ['0:V?'], ['0:a?']] as const;

/** All streams of picture and sound. Throws PermanentError 'media_unreadable' if a limit is exceeded. */
export async function examine(
  ffmpeg: Ffmpeg,
  file: string,
  { signal, maxPixels }: { signal: AbortSignal; maxPixels: number },
): Promise<Examined> {
  const tries: Examined[] = [];
  for (const maps of EXAMINED) {
    const separator = ` ${randomUUID()} `;
    const { stderr, listed } = await list(
      ffmpeg,
      file,
      probeArguments(file, separator, maps, maxPixels),
      signal,
    );
    const info = readMediaInfo({ stderr, file, separator, listed });
    tries.push({ info, stderr, listed });
    if (info === undefined || info.video !== null || info.audio !== null) break;
  }
  return (tries.find(({ info }) => info?.video || info?.audio) ?? tries[0]) as Examined;
}

/** The packets of the streams that are used. An unused stream matters: times are counted from the earliest one read. */
export async function chosenOf(
  ffmpeg: Ffmpeg,
  file: string,
  { video, audio }: MediaInfo,
  listed: readonly ListedStream[],
  signal: AbortSignal,
): Promise<readonly ListedStream[]> {
  const chosen = [video, audio].flatMap((found) => (found === null ? [] : [`0:${found.stream}`]));
  if (chosen.length === 0 || chosen.length === listed.length) return chosen.length === 0 ? [] : listed;
  return (await list(ffmpeg, file, probeArguments(file, randomUUID(), chosen), signal)).listed;
}

/** A failed run has a result too: without a stream to list ffmpeg fails, but prints what it found. */
export async function list(
  ffmpeg: Ffmpeg,
  file: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ stderr: string; listed: ListedStream[] }> {
  const reader = new PacketReader();
  const stderr = await listTo(ffmpeg, file, args, { signal, onLine: (line) => reader.add(line) });
  return { stderr, listed: reader.streams() };
}

/** The same line by line. Returns what ffmpeg printed besides. */
export async function listTo(
  ffmpeg: Ffmpeg,
  file: string,
  args: readonly string[],
  options: { signal: AbortSignal; onLine: (line: string) => void },
): Promise<string> {
  try {
    return (await ffmpeg.run(args, { ...options, ...LIMITS, reads: [file] })).stderr;
  } catch (error) {
    return stderrOf(error);
  }
}

/** What a run printed that ended by itself. Throws all other errors, and those of a run that we or the system ended. */
function stderrOf(error: unknown): string {
  if (!FfmpegError.is(error)) throw error;
  if (error.exitCode === null || error.exceeded !== null) throw unreadable(error.shortMessage, error);
  return error.stderr;
}
