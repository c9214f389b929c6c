import type { Failure } from '../base/errors.ts';
import type { FrameRate } from './frame-rate.ts';
import type { Fit } from './plan.ts';

/** Frame size and rate that every clip of the task is brought to. */
export interface Profile {
  width: number;
  height: number;
  rate: FrameRate;
  fit: Fit;
  /** Colour of the bars that "contain" leaves, "#rrggbb". */
  background: string;
}

/** What a look at the file says. */
export interface Probe {
  /** Container or playlist length by the header, seconds; null where it has none. */
  seconds: number | null;
  video: {
    /** As displayed: after rotation and sample aspect. */
    width: number;
    height: number;
    /** Nearest standard rate, or the measured one. */
    rate: FrameRate;
    /** When the first frame is shown, seconds. */
    start: number;
    /**
     * Every frame keeps to a grid of `rate` that begins at `start`, by less than half a frame. Telephones waver by
     * milliseconds, containers round to them: no reason to repeat or to drop a frame.
     */
    steady: boolean;
    /** One picture, without a length of its own. */
    still: boolean;
    /** Index of the stream within the file. */
    stream: number;
    /** Length by the packets' own timestamps. */
    seconds: number;
    packets: number;
    interlaced: boolean;
    /** Colour matrix by the stream's own tag; null where it has none. */
    matrix: string | null;
    /** High dynamic range, to be brought down. */
    hdr: 'pq' | 'hlg' | null;
    /** Some of it may be transparent. */
    alpha: boolean;
    /** The decoder that keeps the transparency, as ffmpeg's own for VP8 and VP9 drop it; null: any does. */
    alphaDecoder: 'libvpx' | 'libvpx-vp9' | null;
  } | null;
  audio: { stream: number } | null;
}

export interface Failed {
  error: Failure;
}

/** The bytes behind a URL, as this task uses them. */
export interface Fetched {
  error?: never;
  /** SHA-256 of the bytes, hex. */
  content: string;
  bytes: number;
  probe: Probe;
}

/** A source made ready. */
export interface Prepared {
  error?: never;
  artifact: string;
  /** Length. */
  seconds: number;
  /** Video frames; 0 for sound. */
  frames: number;
  /** Samples per channel at 48 kHz. */
  samples: number;
  /** Integrated loudness, LUFS; null for silence and for clips, which are used as they are. */
  loudness: number | null;
}

export type PinName = 'profile' | `fetched-${number}` | `prepared-${number}`;

export type PinOf<N extends PinName> = N extends 'profile'
  ? Profile
  : N extends `fetched-${number}`
    ? Fetched | Failed
    : Prepared | Failed;

/** Is there nothing left to wait for? True when all are there, or when one has failed and the rest cannot help. */
export function isSettled(pins: readonly (object | undefined)[]): boolean {
  return pins.every((pin) => pin !== undefined) || pins.some((pin) => pin && 'error' in pin);
}
