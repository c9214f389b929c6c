/** The speakers of the downloaded voice, to choose from. */
import { sampleOf, type Voice, type VoiceSample } from '../../model/voice.ts';
import type { Speech } from '../../ports/speech.ts';
import type { VoiceCatalog } from '../../ports/voices.ts';
import { keepAnswers } from '../shared/kept-answers.ts';
import { chooseSpeaker } from './speakers.ts';
import { readVoiceFolder, type VoiceFolder } from './voice-folder.ts';

export interface NeuralVoicesOptions {
  /** Folder of the voice. */
  dir: string;
  /** Speaks the samples, as it speaks lines. */
  speech: Pick<Speech, 'speak'>;
}

const ENGLISH = 'Hello! This is how your videos would sound.';
/** Every language can say them. */
const NUMBERS = '1, 2, 3, 4, 5.';
const KEPT = { keepMs: 3_600_000, most: 200, bytes: 16 * 1024 * 1024 };
/** That of a line in a request. */
const LONGEST_NAME = 200;

/** @throws {Error} if the folder does not hold a voice */
export function createNeuralVoices({ dir, speech }: NeuralVoicesOptions): VoiceCatalog {
  const folder = readVoiceFolder(dir);
  const speakers = speakersOf(folder);
  const samples = keepAnswers<VoiceSample | undefined>({
    keepMs: KEPT.keepMs,
    most: KEPT.most,
    bytes: { most: KEPT.bytes, of: ({ audio }) => audio.length },
  });
  return {
    provider: 'neural',
    anyName: true,
    note: `The offline neural voice ${folder.name}. It takes any name: one that it does not have stands for one of its speakers.`,

    async list({ search, limit, cursor = '0' }) {
      if (!/^\d{1,9}$/.test(cursor)) return undefined;
      const wanted = search.trim().toLowerCase();
      const found = speakers.filter(({ name }) => name.toLowerCase().includes(wanted));
      const [from, next] = [Number(cursor), Number(cursor) + limit];
      return { voices: found.slice(from, next), next: next < found.length ? String(next) : null };
    },

    async preview(voice, signal) {
      if (voice.trim() === '' || voice.length > LONGEST_NAME) return undefined;
      const chosen = chooseSpeaker(folder, { voice });
      if (chosen === undefined) return undefined;
      return samples.of(String(chosen.id), signal, async () => {
        const text = speaksEnglish(folder) ? ENGLISH : NUMBERS;
        // Not the caller's signal: others may wait for it, too. The time for a line is limited.
        const { audio } = await speech.speak({ text, voice }, new AbortController().signal);
        return sampleOf(audio);
      });
    },
  };
}

function speakersOf(folder: VoiceFolder): Voice[] {
  const { speakerCount, speakerNames, name, language } = folder;
  return Array.from({ length: speakerCount }, (_, number) => {
    const id = speakerNames[number] ?? String(number);
    const only = speakerCount === 1 ? name : `Speaker ${number}`;
    const shown = speakerNames[number] ?? only;
    return { id, name: shown, description: language, language: null, labels: [], preview: true };
  });
}

function speaksEnglish({ isMultilingual, language }: VoiceFolder): boolean {
  return isMultilingual || language.includes('English');
}
