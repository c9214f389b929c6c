/** The built-in voices to choose from: some names that stand for its variants, and its languages. */
import type { Voice } from '../../model/voice.ts';
import type { Speech } from '../../ports/speech.ts';
import type { VoiceCatalog } from '../../ports/voices.ts';
import {
  createSpokenSamples,
  ENGLISH_SAMPLE,
  isVoiceName,
  NUMBERS,
  voicesPage,
} from '../shared/offline-voices.ts';
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

export function createEspeakVoices({ speech }: EspeakVoicesOptions): VoiceCatalog {
  const samples = createSpokenSamples(speech);

  return {
    provider: 'espeak',
    anyName: true,
    note: NOTE,

    list: async (query) => voicesPage([...VARIANTS, ...languagesOf(await loadEngine())], query),

    async preview(voice, signal) {
      if (!isVoiceName(voice)) return undefined;
      const { languages } = await loadEngine();
      const line = { text: textIn(espeakVoice(voice, languages)), voice };
      // One for each variant and language, whatever names there are.
      const key = (await speech.identity(line, signal)).join(' ');
      return samples.of(key, line, signal);
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

/** Its own name and some numbers, which every language can say; in English, a sentence. */
function textIn(voice: string): string {
  const [code = ''] = voice.split('+');
  return /^en(-|$)/.test(code) ? ENGLISH_SAMPLE : `${ownName(code)}. ${NUMBERS}`;
}

function ownName(code: string): string {
  try {
    return new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
  } catch {
    return code;
  }
}
