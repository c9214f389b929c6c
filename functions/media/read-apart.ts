/**
 * Finds clips whose picture must be read without their sound. In MPEG streams ffmpeg works out the time of most packets of
 * sound from the rate that the stream began with. Where sound of twice that rate follows, these times run ahead and fall
 * back, and ffmpeg takes each fall for a leap of the whole clip, picture included.
 */
import { list, probeArguments } from './examine.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { gapsBetween, gridStart, measureRate, median } from './frame-grid.ts';
import { CLOSED } from './leaps.ts';
import type { MediaInfo } from './media-info.ts';
import type { ListedStream } from './packets.ts';

/** What ffmpeg takes for a fall of the times, in seconds. */
const FALL_SECONDS = 0.1;
/**
 * Each fall is a pause of the picture, and they follow each other within half a second or so. Where recordings were joined,
 * the picture may pause, too, until the sound has ended, but then not again for a whole recording.
 */
const LEAST_CLOSE = 1;
const CLOSE_SECONDS = 1;

export interface Apart {
  /** The picture as listed by itself, at the times that it has beside the sound. */
  film: ListedStream;
  /** By how many seconds the picture begins later than the sound; negative if it is earlier. */
  later: number;
}

/** Null if picture and sound are read together. Lists the picture again only if it pauses now and then. */
export async function readApart(
  ffmpeg: Ffmpeg,
  file: string,
  { format, video }: MediaInfo,
  streams: { film: ListedStream | undefined; sound: ListedStream | undefined },
  signal: AbortSignal,
): Promise<Apart | null> {
  const { film, sound } = streams;
  if (!CLOSED.includes(format) || video === null || film === undefined || sound === undefined) return null;
  if (closePauses(film) < LEAST_CLOSE) return null;
  const { listed } = await list(ffmpeg, file, probeArguments(file, '', [`0:${video.stream}`]), signal);
  const [alone] = listed;
  if (alone === undefined || !isEven(alone)) return null;
  const [begins = 0, own = 0] = [film.times[0], alone.times[0]];
  const moved = begins - own;
  return {
    film: {
      ...alone,
      times: alone.times.map((time) => time + moved),
      end: alone.end + moved,
      filledEnd: alone.filledEnd + moved,
    },
    later: begins - (sound.times[0] ?? begins),
  };
}

/** How many pauses of the picture follow another one soon. */
function closePauses({ times }: ListedStream): number {
  const gaps = gapsBetween(times);
  const longest = median(gaps) + FALL_SECONDS / 2;
  const paused = times.filter((_, frame) => (gaps[frame] ?? 0) > longest);
  return paused.filter((time, at) => at > 0 && time - (paused[at - 1] as number) < CLOSE_SECONDS).length;
}

function isEven({ times, restarted }: ListedStream): boolean {
  return restarted.length === 0 && gridStart(times, measureRate(times, 0)) !== null;
}
