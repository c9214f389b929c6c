/** What a finished video is made of. */
import type { FrameRate } from '../../model/frame-rate.ts';
import type { Picture, Sound } from './tracks.ts';

export interface Movie {
  /** In order; all of one size and with one sample entry. */
  clips: readonly Picture[];
  /** As long as the picture. */
  sound: Sound;
  rate: FrameRate;
  /** Whether to write edit lists. Without them, the priming of the sound is left out instead. */
  editLists: boolean;
}

/** A run of samples of one track. */
export interface Chunk {
  track: 'picture' | 'sound';
  /** Of the film, the first and the one after the last. */
  from: number;
  to: number;
}

/** A frame or a packet of the film. */
export interface Placed {
  file: string;
  at: number;
  bytes: number;
}
