import type { Line } from './plan.ts';

/** Whose voice it is. */
export interface Speaker {
  provider: 'elevenlabs' | 'neural' | 'espeak';
  /** Null if it has only one. */
  model: string | null;
  /** Whether each line costs money. */
  isPaid: boolean;
}

export interface Spoken {
  /** WAV, MP3 or any other format that ffmpeg's audio demuxers read. */
  audio: Uint8Array;
  /** When each word is spoken, in seconds; null if the voice does not say. */
  timing: { text: string; start: number; end: number }[] | null;
  /** What the provider says that it has charged, in its own credits; null if it does not say. */
  credits: number | null;
}

/** As providers count them: characters of Unicode, of which an emoji is one or more. */
export function charactersOf({ text }: Pick<Line, 'text'>): number {
  return [...text].length;
}
