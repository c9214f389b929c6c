import { rm } from 'node:fs/promises';
import { join } from 'node:path';
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
