/** What the index of a finished video says of it, for the checks of targets. Nothing is decoded for it. */

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
