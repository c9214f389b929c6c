import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SpeechThread, startSpeechThread as startThread } from '../shared/speech-thread.ts';
import type { SpeakRequest } from './worker.ts';

/** The engine itself has 16 MB that never grow. This is for what surrounds it, and several times what that needs. */
const MEMORY = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, codeRangeSizeMb: 16 };

export function startSpeechThread(): SpeechThread<SpeakRequest> {
  // The worker has the same extension as this file: .ts in the source tree, .js once compiled.
  const extension = extname(fileURLToPath(import.meta.url));
  return startThread({
    worker: new URL(`./worker${extension}`, import.meta.url),
    memory: MEMORY,
    hint: 'shorten or simplify the text, or name another voice',
    ownWords,
  });
}

/** Extracts the message from a line such as "Error: The specified espeak-ng voice does not exist." */
function ownWords(printed: string): string | undefined {
  return /^Error: (.+)$/m.exec(printed)?.[1];
}
