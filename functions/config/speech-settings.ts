/** Reads who speaks the lines: ElevenLabs, a neural voice on this machine, or the built-in voice. */
import { resolve } from 'node:path';
import { type ElevenLabsChoice, readElevenLabs } from './elevenlabs-settings.ts';
import { inHome, type SettingsReader } from './settings-reader.ts';

export interface SpeechChoice {
  /** Undefined if another voice speaks. */
  elevenLabs: ElevenLabsChoice | undefined;
  /** Folder of the neural voice; undefined if another voice speaks. */
  offlineVoice: string | undefined;
}

export interface SpeechOptions {
  /** Whether this process speaks lines, and so needs the key. */
  speaks: boolean;
  /** Several machines work together, so a folder on one of them is not enough. */
  shared: boolean;
}

export function readSpeech(read: SettingsReader, { speaks, shared }: SpeechOptions): SpeechChoice {
  const speech = read.text('SPEECH', 'auto', /^(auto|elevenlabs|neural|espeak)$/);
  const folder = read.optional('OFFLINE_VOICE', () => true);
  if (folder !== undefined && shared) {
    read.problem(
      'OFFLINE_VOICE: expected nothing on Google Cloud, where functions have no disk of their own, got a folder. Remove it.',
    );
  }
  if (speech === 'neural' && folder === undefined) {
    read.problem(
      'OFFLINE_VOICE: expected the folder of a voice because SPEECH is neural, got nothing. infra/README.md has the steps.',
    );
  }
  const elevenLabs = readElevenLabs(read, { speaks, speech });
  const isNeural = elevenLabs === undefined && speech !== 'espeak' && folder !== undefined;
  return { elevenLabs, offlineVoice: isNeural ? resolve(inHome(folder)) : undefined };
}
