/** What the index of a finished video says of it, for the checks of targets. Nothing is decoded for it. */
import { framesPerSecond, SAMPLE_RATE } from '../../model/frame-rate.ts';
import { bytesOf, type Layout, type Movie } from './movie.ts';
import { syncNumbers } from './movie-index.ts';
import { sequenceSetOf } from './sequence-set.ts';
import { PACKET, type Picture } from './tracks.ts';

export interface MovieFacts {
  /** Of the file. */
  bytes: number;
  /** Whether `moov` stands before `mdat`. */
  isIndexFirst: boolean;
  /** How many tracks have an edit list. */
  editLists: number;
  /** The longest that one track stands before the other in the file, in seconds. */
  largestLeadSeconds: number;
  picture: PictureFacts;
  sound: SoundFacts;
}

export interface PictureFacts {
  /** How many headers (`avc1`) its frames use. */
  sampleEntries: number;
  frames: number;
  /** All frames last equally long. */
  fps: number;
  seconds: number;
  /** Pixels. */
  width: number;
  height: number;
  /** profile_idc of ITU-T H.264: 66 Baseline, 77 Main, 100 High. */
  profileIdc: number;
  /** The constraint flags as one byte, constraint_set0 highest. */
  constraints: number;
  /** level_idc: 41 is level 4.1. */
  levelIdc: number;
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
  /** How many headers (`mp4a`) its packets use. */
  sampleEntries: number;
  seconds: number;
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
  const [seconds, heard] = [frames / fps, sound.length / SAMPLE_RATE];
  const pictureBytes = bytesOf(layout.frames, 0, frames);
  const soundBytes = bytesOf(layout.packets, 0, layout.packets.length);
  const { width, height, profileIdc, constraints, levelIdc } = first;
  const { chroma: chromaIdc, framesOnly: isProgressive, square: isSquare } = sequenceSetOf(first.entry);
  return {
    bytes: head + pictureBytes + soundBytes,
    isIndexFirst: true,
    editLists: editLists ? 2 : 0,
    largestLeadSeconds: largestLead(movie, layout, fps),
    picture: {
      ...{ sampleEntries: 1, frames, fps, seconds, width, height, profileIdc, constraints, levelIdc },
      ...{ chromaIdc, isProgressive, isSquare },
      longestSyncGapSeconds: longestGap(syncNumbers(clips), frames) / fps,
      bitsPerSecond: (8 * pictureBytes) / seconds,
      peakBitsPerSecond: peak(layout.frames, fps),
    },
    sound: {
      ...{ sampleEntries: 1, seconds: heard, channels: sound.channels, sampleRate: SAMPLE_RATE },
      bitsPerSecond: (8 * soundBytes) / heard,
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

function largestLead({ sound, editLists }: Movie, { turns }: Layout, fps: number): number {
  let [most, heard] = [0, 0];
  for (let turn = 0; turn < turns.frames.length; turn++) {
    const shown = (turns.frames[turn] as number) / fps;
    const packets = (turns.packets[turn] as number) - (editLists ? sound.priming : 0);
    const before = heard;
    heard = Math.max(0, Math.min(packets * PACKET, sound.length)) / SAMPLE_RATE;
    most = Math.max(most, shown - before, heard - shown);
  }
  return most;
}
