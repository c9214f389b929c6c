/** What the lists of voices that speak on this machine have in common: their pages, and samples that are spoken once. */
import {
  sampleOf,
  type Voice,
  type VoicePage,
  type VoiceQuery,
  type VoiceSample,
} from '../../model/voice.ts';
import type { Speech } from '../../ports/speech.ts';
import { keepAnswers } from './kept-answers.ts';

export interface SpokenSamples {
  /** @param key the same for all lines that sound the same */
  of(
    key: string,
    line: { text: string; voice: string },
    signal: AbortSignal,
  ): Promise<VoiceSample | undefined>;
}

/** Spoken by an English voice. */
export const ENGLISH_SAMPLE = 'Hello! This is how your videos would sound.';
/** Every language can say them. */
export const NUMBERS = '1, 2, 3, 4, 5.';
/** A sample has about 150 KB. */
const KEPT = { keepMs: 3_600_000, most: 200, bytes: 16 * 1024 * 1024 };
/** That of a line in a request. */
const LONGEST_NAME = 200;

export function isVoiceName(name: string): boolean {
  return name.trim() !== '' && name.length <= LONGEST_NAME;
}

/** Undefined if the cursor is not the number of a voice. */
export function voicesPage(
  voices: readonly Voice[],
  { search, limit, cursor = '0' }: VoiceQuery,
): VoicePage | undefined {
  if (!/^\d{1,9}$/.test(cursor)) return undefined;
  const wanted = search.trim().toLowerCase();
  const found = voices.filter(({ id, name, labels }) =>
    [id, name, ...labels].some((text) => text.toLowerCase().includes(wanted)),
  );
  const from = Number(cursor);
  const next = from + limit;
  return { voices: found.slice(from, next), next: next < found.length ? String(next) : null };
}

export function createSpokenSamples(speech: Pick<Speech, 'speak'>): SpokenSamples {
  const samples = keepAnswers<VoiceSample | undefined>({
    keepMs: KEPT.keepMs,
    most: KEPT.most,
    bytes: { most: KEPT.bytes, of: ({ audio }) => audio.length },
  });
  return {
    of: (key, line, signal) =>
      samples.of(key, signal, async () => {
        // Not the caller's signal: others may wait for it, too. The time for a line is limited.
        const { audio } = await speech.speak(line, new AbortController().signal);
        return sampleOf(audio);
      }),
  };
}
