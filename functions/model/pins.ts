import type { Failure } from '../base/errors.ts';
import type { Fit } from './formats.ts';
import type { FrameRate } from './frame-rate.ts';
import type { PieceName } from './pieces.ts';

export const HARDWARE_NAMES = ['nvenc', 'qsv', 'vaapi', 'videotoolbox', 'amf'] as const;
export type HardwareName = (typeof HARDWARE_NAMES)[number];

/** The picture that every clip of the task is converted to. */
export interface Profile {
  width: number;
  height: number;
  rate: FrameRate;
  fit: Fit;
  /** Colour of the bars that "contain" leaves, "#rrggbb". */
  background: string;
  /** The encoder in hardware with which the task began, and goes on: headers differ. Absent: x264. */
  encoder?: HardwareName;
}

/** The result of probing a file. */
export interface Probe {
  /** Duration in the container's header, seconds; null if it has none. */
  seconds: number | null;
  video: {
    /** As displayed, after rotation and sample aspect ratio. */
    width: number;
    height: number;
    /** The nearest standard rate, or the measured one. */
    rate: FrameRate;
    /** When the first frame is shown, seconds. */
    start: number;
    /**
     * Every frame is less than half a frame away from a grid of `rate` that starts at `start`. Phones are off by
     * milliseconds and containers round to them, which is no reason to repeat or drop a frame.
     */
    steady: boolean;
    /** A single picture without a duration. */
    still: boolean;
    /** Index of the stream in the file. */
    stream: number;
    /** As ffmpeg names it. */
    codec: string;
    /** Duration by the timestamps of the packets, without their leaps. */
    seconds: number;
    /** For how many of these the last picture is repeated at the end. */
    held: number;
    /** Where the timestamps leap by so many seconds, although nothing is missing in between: all from `at` on are too late. */
    leaps: readonly { at: number; by: number }[];
    /** The timestamps begin anew, because a second recording was joined to the first. */
    restarts: boolean;
    /**
     * By how many seconds it begins later than the sound, if each must be read without the other because the times of the
     * sound would disturb those of the picture. Null if they are read together.
     */
    later: number | null;
    /** Pictures that are shown. */
    packets: number;
    /** Pictures that must be decoded, also those that an edit list cuts off. */
    decoded: number;
    /** Of one picture as stored, before sample aspect and rotation. */
    pixels: number;
    interlaced: boolean;
    /** Colour matrix in the stream's tags, or "bt601" if there is none and the codec has no other; null if it is not known. */
    matrix: string | null;
    /** The range of a picture without colours, or that it has black and white alone; null if it has colours. */
    gray: 'full' | 'limited' | 'one bit' | null;
    /** How a photo is to be turned before it is shown, as in EXIF: 1 (as it is) to 8. 1 for films, which ffmpeg turns itself. */
    orientation: number;
    /** The transfer function of a high dynamic range, which is tone-mapped; null: standard range. */
    hdr: 'pq' | 'hlg' | null;
    /** What decides whether its frames can be copied as they are. Missing in pins of earlier versions. */
    stored?: {
      /** First name of ffmpeg's demuxer, such as "mov" or "matroska". */
      container: string;
      /** Pixel format, such as "yuv420p". */
      pixels: string;
      /** Its tag says that samples go from 0 to 255. */
      fullRange: boolean;
      /** The file says how to turn or mirror it before it is shown. */
      turned: boolean;
      /** Samples are as wide as high, or no other shape is said. */
      square: boolean;
      /** Some packet carries more than its own bytes, such as another header. */
      sideData: boolean;
      /** The largest distance of a frame from its place, in frames, if the first one is on its own. */
      offGrid: number;
      /** Packets that are damaged, cut off by an edit list, or shown before 0. */
      cut: number;
    };
    /** Some of it may be transparent. */
    alpha: boolean;
    /** The decoder that keeps transparency, as ffmpeg's own decoders of VP8 and VP9 drop it; null: any decoder. */
    alphaDecoder: 'libvpx' | 'libvpx-vp9' | null;
  } | null;
  /** The sound that is used; null if there is no stream of sound. */
  audio: {
    /** Index of the stream in the file. */
    stream: number;
    /** Name of the codec, for people: as ffmpeg calls it, or else as the file does. */
    codec: string;
    /** Places of the channels as ffmpeg names them, such as "stereo" or "9 channels". */
    layout: string;
    /** When it ends by the timestamps of the packets. */
    seconds: number;
    /** Whether these say when it is heard. A bare stream has none of its own, and ffmpeg makes some up. */
    timed: boolean;
    /** Packets that an edit list cuts off: they are read, and become no sound. Missing in pins of earlier versions. */
    discarded?: number;
    /** Why it must not be decoded, with its codec; completes "got". Null if it may. */
    refused: string | null;
    /** Whether encryption is the reason for `refused`. */
    encrypted: boolean;
  } | null;
}

export interface Failed extends Pick<Effort, 'workSeconds'> {
  error: Failure;
}

/** The bytes of a source, as this task uses them. */
export interface Fetched {
  error?: never;
  /** SHA-256 of the bytes, hex. */
  content: string;
  bytes: number;
  probe: Probe;
}

/** What it took to make something, for the cost of its task. Absent in pins of earlier versions. */
export interface Effort {
  /** Seconds of work, without waiting. */
  workSeconds?: number;
  /** Of a line that was spoken for the task, and whether that cost money. Absent: it had been spoken before. */
  spoken?: 'bought' | 'free';
}

/** A source that renders can use. */
export interface Prepared extends Effort {
  error?: never;
  artifact: string;
  seconds: number;
  /** Video frames; 0 for sound. */
  frames: number;
  /** Per channel at 48 kHz. */
  samples: number;
  /** Integrated loudness, LUFS; null for silence and for clips, whose sound is used as it is. */
  loudness: number | null;
  /** Remarks for whoever gets a video with it; each names no source. */
  warnings: string[];
  /** A clip in the other formats of a task that has several, in the order of Plan.formats, from the second one on. */
  formats?: Omit<Prepared, 'error' | 'loudness' | 'formats' | keyof Effort>[];
}

/** A piece that renders can use. */
export interface PreparedPiece extends Pick<Effort, 'workSeconds'> {
  error?: never;
  /** One per format of the task. */
  artifacts: string[];
}

/** What is prepared, as it is in one of the formats of its task. @param format index into Plan.formats */
export function inFormat(prepared: Prepared, format = 0): Prepared {
  const other = format === 0 ? undefined : prepared.formats?.[format - 1];
  return other === undefined ? prepared : { ...prepared, ...other };
}

/** How the picture of every clip of the task gets into its videos, decided once. */
export type Join = (
  | {
      /** Frames as the clips have them. */
      video: 'copied';
      /** What all of them share; see CopyCheck. */
      header: string;
      /** As in CopyCheck; clips are encoded for the others. */
      formats?: number[];
    }
  | {
      /** Every clip is encoded for the profile. */
      video: 'encoded';
      /** The first reason that was found, for people; null: it was asked for. */
      reason: string | null;
    }
) & {
  /** Number of the source whose message decided it, which sees to it that the others go on. */
  by: number;
};

/** Whether a clip could be copied as it is. */
export type CopyCheck =
  | {
      /** SHA-256 of the decoder configuration and all else that one header of a film says for all its clips, hex. */
      header: string;
      /** The formats that have its size, as indexes into Plan.formats; absent if the task has only one. */
      formats?: number[];
      refused?: never;
    }
  | {
      /** Why not; completes "clip x". */
      refused: string;
    };

/** What was found, and when, in milliseconds since the epoch by the clock of the machine that looked. */
export type CopyPin =
  | (Extract<CopyCheck, { header: string }> & { at: number })
  | Exclude<CopyCheck, { header: string }>;

/** `remade`: in place of `prepared`, or of `piece`, after the artifact of that was gone. */
export type PinName =
  | 'profile'
  | 'join'
  | `fetched-${number}`
  | `copy-${number}`
  | `prepared-${number}`
  | `remade-${number}`
  | `piece-${PieceName}`
  | `remade-piece-${PieceName}`;

export type PinOf<N extends PinName> = N extends 'profile'
  ? Profile
  : N extends 'join'
    ? Join
    : N extends `copy-${number}`
      ? CopyPin
      : N extends `fetched-${number}`
        ? Fetched | Failed
        : N extends `piece-${PieceName}` | `remade-piece-${PieceName}`
          ? PreparedPiece | Failed
          : Prepared | Failed;

/** Every pin that a task of so many sources may have, but for those of pieces, which depend on lengths. */
export function allPinNames(sources: number): PinName[] {
  const numbers = Array.from({ length: sources }, (_, number) => number);
  return [
    'profile',
    'join',
    ...numbers.flatMap(
      (number) => [`fetched-${number}`, `copy-${number}`, `prepared-${number}`, `remade-${number}`] as const,
    ),
  ];
}

/** Whether the pin says that a source is ready for renders. */
export function isReady(name: PinName, pin: object): boolean {
  return name.startsWith('prepared-') && !('error' in pin);
}

/** Whether there is nothing left to wait for: all are there, or one has failed and the rest cannot change that. */
export function isSettled(pins: readonly (object | undefined)[]): boolean {
  return pins.every((pin) => pin !== undefined) || pins.some((pin) => pin && 'error' in pin);
}
