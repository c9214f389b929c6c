/** Finds clips of which too few pictures could be decoded: what is missing is filled with copies, and ffmpeg reports success. */
import { framesPerSecond } from '../model/frame-rate.ts';
import type { Probe } from '../model/probe.ts';

/** How a run at log level verbose ends. Older builds do not count the errors. */
const DECODED =
  /Input stream #0:(\d+) \(video\): (\d+) packets read [^;\n]*; (\d+) frames decoded(?:; (\d+) decode errors)?/g;
/** Pictures that are never shown, and those after the last one that is needed, are not decoded. */
const LEAST_DECODED = 0.75;
/** A packet may hold half a frame. */
const LEAST_DECODED_FIELDS = 0.45;
/** If only a part is wanted, so many are read ahead at its end, and not decoded. */
const READ_AHEAD = 32;
/** In these every packet is a picture, also if its decoder drops it without an error. In others some repeat the one before. */
const ALL_PICTURES = ['h264', 'hevc', 'mpeg1video', 'mpeg2video'];

/**
 * How many pictures of how many could be decoded, as text, if these are too few; otherwise null.
 * @param stderr of a run that decodes them, at log level verbose
 * @param seconds of the part that is wanted; undefined: all of it
 */
export function undecodedOf(
  video: NonNullable<Probe['video']>,
  stderr: string,
  seconds?: number,
): string | null {
  const own = [...stderr.matchAll(DECODED)].findLast(([, stream]) => Number(stream) === video.stream);
  if (video.still || own === undefined) return null;
  const [read = 0, decoded = 0, errors] = own.slice(2).map((digits) => digits && Number(digits));
  const failures = errors ?? (stderr.includes(`Error while decoding stream #0:${video.stream}`) ? 1 : 0);
  const mayRepeat = Number(failures) === 0 && !ALL_PICTURES.includes(video.codec);
  const wanted =
    seconds === undefined
      ? video.packets
      : Math.min(Number(read) - READ_AHEAD, seconds * framesPerSecond(video.rate));
  const expected = Math.floor(Math.min(Number(read), video.packets, wanted));
  const least = video.interlaced ? LEAST_DECODED_FIELDS : LEAST_DECODED;
  return mayRepeat || Number(decoded) >= expected * least ? null : `${decoded} of ${expected}`;
}
