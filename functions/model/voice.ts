/** Voices that callers may choose from. */
export interface Voice {
  /** What a line may name it by. */
  id: string;
  name: string;
  description: string | null;
  /** Of its samples, BCP 47; null: not said. */
  language: string | null;
  /** Single words, such as "female". */
  labels: readonly string[];
  /** Whether there is a sample to listen to. */
  preview: boolean;
}

export interface VoiceQuery {
  /** Part of a name or label; empty: all. */
  search: string;
  /** Most voices of the page. */
  limit: number;
  /** `next` of the page before; absent: the first page. */
  cursor?: string;
}

export interface VoicePage {
  voices: readonly Voice[];
  /** Null at the end. */
  next: string | null;
}

export interface VoiceSample {
  audio: Uint8Array;
  type: 'audio/mpeg' | 'audio/wav';
}

/** By its first bytes; undefined for anything else, which no browser should be given as sound. */
export function sampleOf(audio: Uint8Array): VoiceSample | undefined {
  const start = Buffer.from(audio.subarray(0, 12)).toString('latin1');
  if (start.startsWith('RIFF') && start.endsWith('WAVE')) return { audio, type: 'audio/wav' };
  const isFrame = audio[0] === 0xff && ((audio[1] ?? 0) & 0xe0) === 0xe0;
  return start.startsWith('ID3') || isFrame ? { audio, type: 'audio/mpeg' } : undefined;
}
