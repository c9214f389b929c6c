import type { Failure } from '../base/errors.ts';
import type { Fit } from './formats.ts';
import type { FrameRate } from './frame-rate.ts';
import type { PieceName } from './pieces.ts';
import type { Probe } from './probe.ts';

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
