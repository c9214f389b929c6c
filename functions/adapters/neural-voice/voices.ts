/** The speakers of the downloaded voice, to choose from. */
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
import { type ChosenSpeaker, chooseSpeaker } from './speakers.ts';
import { readVoiceFolder, type VoiceFolder } from './voice-folder.ts';

export interface NeuralVoicesOptions {
  /** Folder of the voice. */
  dir: string;
  /** Speaks the samples, as it speaks lines. */
  speech: Pick<Speech, 'speak'>;
}

/** @throws {Error} if the folder does not hold a voice */
export function createNeuralVoices({ dir, speech }: NeuralVoicesOptions): VoiceCatalog {
  const folder = readVoiceFolder(dir);
  const speakers = speakersOf(folder);
  const samples = createSpokenSamples(speech);
  return {
    provider: 'neural',
    anyName: true,
    note: `The offline neural voice ${folder.name}. It takes any name: one that it does not have stands for one of its speakers.`,

    list: async (query) => voicesPage(speakers, query),

    async preview(voice, signal) {
      const chosen = isVoiceName(voice) ? chooseSpeaker(folder, { voice }) : undefined;
      if (chosen === undefined) return undefined;
      const text = speaksEnglish(folder, chosen) ? ENGLISH_SAMPLE : NUMBERS;
      return samples.of(String(chosen.id), { text, voice }, signal);
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

/** Each speaker of a model of several languages has one of them. */
function speaksEnglish(folder: VoiceFolder, { language }: ChosenSpeaker): boolean {
  return language === undefined ? folder.language.includes('English') : /^en(-|$)/.test(language);
}
