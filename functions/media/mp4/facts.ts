/** What the index of a finished video says of it, for the checks of targets. Nothing is decoded for it. */
import { framesPerSecond, SAMPLE_RATE } from '../../model/frame-rate.ts';
import { mediaBytes } from './chunk-tables.ts';
import { syncNumbers } from './film-order.ts';
import { bytesOf, type Layout, type Movie } from './movie.ts';
import { sequenceSetOf } from './sequence-set.ts';
import type { Picture } from './tracks.ts';

export interface MovieFacts {
  /** Of the file. */
  bytes: number;
  /** Whether `moov` stands before `mdat`. */
  isIndexFirst: boolean;
  /** How many tracks have an edit list. */
  editLists: number;
  picture: PictureFacts;
  sound: SoundFacts;
}

export interface PictureFacts {
  /** All frames last equally long. */
  fps: number;
  seconds: number;
  /** Pixels. */
  width: number;
  height: number;
  /** profile_idc of ITU-T H.264: 66 Baseline, 77 Main, 100 High. */
  profileIdc: number;
  /** chroma_format_idc: 1 is 4:2:0. */
  chromaIdc: number;
  /** Every picture is one frame, not two fields. */
  isProgressive: boolean;
  /** Width and height of a pixel are equal, or not said. */
  isSquare: boolean;
  /** The longest from one frame at which decoding can begin to the next, or to the end, in seconds. */
  longestSyncGapSeconds: number;
  /** Average, in bits per second. */
  bitsPerSecond: number;
  /** Of that second with the most; of the whole if it is shorter than a second. */
  peakBitsPerSecond: number;
}

export interface SoundFacts {
  channels: number;
  /** Hz. */
  sampleRate: number;
  /** Average, in bits per second. */
  bitsPerSecond: number;
}

/** @param head bytes of the file before its first frame */
export function factsOf(movie: Movie, layout: Layout, head: number): MovieFacts {
  const { clips, sound, rate, editLists } = movie;
  const [first] = clips as [Picture];
  const fps = framesPerSecond(rate);
  const frames = layout.frames.length;
  const seconds = frames / fps;
  const pictureBytes = bytesOf(layout.frames, 0, frames);
  const soundBytes = bytesOf(layout.packets, 0, layout.packets.length);
  const { width, height } = first;
  const { profile, chroma, framesOnly, square } = sequenceSetOf(first.entry);
  return {
    bytes: head + mediaBytes(layout),
    isIndexFirst: true,
    editLists: editLists ? 2 : 0,
    picture: {
      ...{ fps, seconds, width, height, profileIdc: profile, chromaIdc: chroma },
      ...{ isProgressive: framesOnly, isSquare: square },
      longestSyncGapSeconds: longestGap(syncNumbers(clips), frames) / fps,
      bitsPerSecond: (8 * pictureBytes) / seconds,
      peakBitsPerSecond: peak(layout.frames, fps),
    },
    sound: {
      channels: sound.channels,
      sampleRate: SAMPLE_RATE,
      bitsPerSecond: (8 * soundBytes * SAMPLE_RATE) / sound.length,
    },
  };
}

/** In frames. */
function longestGap(sync: Uint32Array | null, frames: number): number {
  if (sync === null) return 1;
  let longest = 0;
  for (let at = 0; at < sync.length; at++) {
    longest = Math.max(longest, (sync[at + 1] ?? frames + 1) - (sync[at] as number));
  }
  return longest;
}

/** In bits per second, over any second of frames in the order of decoding. */
function peak(frames: Uint32Array, fps: number): number {
  const window = Math.min(frames.length, Math.round(fps));
  let bytes = bytesOf(frames, 0, window);
  let most = bytes;
  for (let at = window; at < frames.length; at++) {
    bytes += (frames[at] as number) - (frames[at - window] as number);
    most = Math.max(most, bytes);
  }
  return (8 * most * fps) / window;
}
