/**
 * The thread that eSpeak NG blocks while it speaks: takes a text and settings, answers with the bytes of a WAV file.
 * What goes wrong in there ends the thread; espeak.ts starts another.
 */
import { parentPort } from 'node:worker_threads';
import text2wav from 'text2wav';

export interface SpeakRequest {
  text: string;
  /** An eSpeak voice, "en+f3" or "de". */
  voice: string;
  /** Words per minute. */
  speed: number;
}

/** What the thread sends: lines that eSpeak prints, of interest only when it fails, and then the sound. */
export type SpeakAnswer = { printed: string } | { audio: Uint8Array };

function send(answer: SpeakAnswer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, transfer);
}

// Not by way of the parent's worker.stdout: reading that keeps the whole process alive.
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: string | Uint8Array) => {
    send({ printed: chunk.toString() });
    return true;
  };
}

parentPort?.on('message', async ({ text, voice, speed }: SpeakRequest) => {
  const speaking = text2wav(text, { voice, speed });
  // Each call adds handlers that print and rethrow; without them an error reaches the parent as it is, once.
  process.removeAllListeners('uncaughtException');
  process.removeAllListeners('unhandledRejection');
  const audio = await speaking;
  send({ audio }, [audio.buffer as ArrayBuffer]);
});
