import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNeuralSpeech } from '../../../functions/adapters/neural-voice/neural-voice.ts';
import { createNeuralVoices } from '../../../functions/adapters/neural-voice/voices.ts';
import type { Speech } from '../../../functions/ports/speech.ts';
import { voicesContract } from '../../contracts/voices.ts';
import { KOKORO, styledFolder } from '../../fixtures/speech/tiny-voice.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

voicesContract('an offline neural voice', async () => {
  const { path } = await tempDir();
  const dir = styledFolder(join(path, 'kokoro'), KOKORO);
  const speech = createNeuralSpeech({ dir, fallback: {} as Speech });
  return {
    catalog: createNeuralVoices({ dir, speech }),
    voice: { id: 'bf_emma', search: 'emma' },
    async [Symbol.asyncDispose]() {
      await speech[Symbol.asyncDispose]();
      await rm(path, { recursive: true });
    },
  };
});

test('a speaker of another language does not read an English sentence', async () => {
  await using dir = await tempDir();
  const folder = styledFolder(join(dir.path, 'kokoro'), KOKORO);
  const spoken: string[] = [];
  const speak: Speech['speak'] = async ({ text, voice }) => {
    spoken.push(`${voice}: ${text}`);
    return { audio: Buffer.from('RIFF....WAVE'), timing: null, credits: null };
  };
  const catalog = createNeuralVoices({ dir: folder, speech: { speak } });
  for (const voice of ['bf_emma', 'ef_dora']) await catalog.preview(voice, new AbortController().signal);
  assert.deepEqual(spoken, [
    'bf_emma: Hello! This is how your videos would sound.',
    'ef_dora: 1, 2, 3, 4, 5.',
  ]);
});
