/** The built-in voices to choose from: some names that stand for its variants, and its languages. */
import { sampleOf, type Voice, type VoiceSample } from '../../model/voice.ts';
import type { Speech } from '../../ports/speech.ts';
import type { VoiceCatalog } from '../../ports/voices.ts';
import { keepAnswers } from '../shared/kept-answers.ts';
import { type Engine, loadEngine } from './engine.ts';
import { espeakVoice } from './espeak.ts';

export interface EspeakVoicesOptions {
  /** Speaks the samples, as it speaks lines. */
  speech: Pick<Speech, 'identity' | 'speak'>;
}

/** One ordinary name for each variant: espeakVoice maps it to that one. A test holds them to it. */
const NAMES = {
  female: ['Olivia', 'Anna', 'Lucy', 'Maria', 'Laura'],
  male: ['Tom', 'Robert', 'Simon', 'Max', 'David', 'George', 'Hugo'],
} as const;
const VARIANTS: readonly Voice[] = Object.entries(NAMES).flatMap(([label, names]) =>
  names.map((name) => ({
    id: name,
    name,
    description: 'Speaks the language of the line; without one, English.',
    language: 'en',
    labels: [label],
    preview: true,
  })),
);
const NOTE =
  'The built-in offline voice (eSpeak NG). It takes any name, and the same name always has the same voice; the code of a ' +
  'language speaks that language.';
const ENGLISH = 'Hello! This is how your videos would sound.';
/** Samples have about 150 KB. */
const KEPT = { keepMs: 3_600_000, most: 200, bytes: 16 * 1024 * 1024 };
/** That of a line in a request. */
const LONGEST_NAME = 200;

export function createEspeakVoices({ speech }: EspeakVoicesOptions): VoiceCatalog {
  const samples = keepAnswers<VoiceSample | undefined>({
    keepMs: KEPT.keepMs,
    most: KEPT.most,
    bytes: { most: KEPT.bytes, of: ({ audio }) => audio.length },
  });
  let engine: Promise<Engine> | undefined;
  const loaded = () => {
    engine ??= loadEngine();
    return engine;
  };

  return {
    provider: 'espeak',
    anyName: true,
    note: NOTE,

    async list({ search, limit, cursor = '0' }) {
      if (!/^\d{1,9}$/.test(cursor)) return undefined;
      const from = Number(cursor);
      const found = [...VARIANTS, ...languagesOf(await loaded())].filter((voice) => matches(voice, search));
      const next = from + limit;
      return { voices: found.slice(from, next), next: next < found.length ? String(next) : null };
    },

    async preview(voice, signal) {
      if (voice.trim() === '' || voice.length > LONGEST_NAME) return undefined;
      const { languages } = await loaded();
      const line = { text: textIn(espeakVoice(voice, languages)), voice };
      // One for each variant and language, whatever names there are.
      const key = (await speech.identity(line, signal)).join(' ');
      return samples.of(key, signal, async () => {
        // Not the caller's signal: others may wait for it, too. The time for a line is limited.
        const { audio } = await speech.speak(line, new AbortController().signal);
        return sampleOf(audio);
      });
    },
  };
}

function languagesOf({ named }: Engine): Voice[] {
  const byCode = new Map(
    named.map(({ name, codes: [code, ...others] }) => [
      code,
      { id: code, name, description: null, language: code, labels: others, preview: true },
    ]),
  );
  return [...byCode.values()].toSorted((one, other) => one.name.localeCompare(other.name, 'en'));
}

function matches({ id, name, labels }: Voice, search: string): boolean {
  const wanted = search.trim().toLowerCase();
  return [id, name, ...labels].some((text) => text.toLowerCase().includes(wanted));
}

/** Its own name and some numbers, which every language can say; in English, a sentence. */
function textIn(voice: string): string {
  const [code = ''] = voice.split('+');
  return /^en(-|$)/.test(code) ? ENGLISH : `${ownName(code)}. 1, 2, 3, 4, 5.`;
}

function ownName(code: string): string {
  try {
    return new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}
