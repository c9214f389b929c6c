/**
 * The thread that eSpeak NG blocks while it speaks: receives a text and settings, answers with the bytes of a WAV file.
 * Any error ends the thread; espeak.ts starts a new one.
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

/** What the thread sends: the lines that eSpeak prints, which are used only if it fails, and finally the audio. */
export type SpeakAnswer = { printed: string } | { audio: Uint8Array };

function send(answer: SpeakAnswer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, transfer);
}

// Sent as messages, because reading the parent's worker.stdout would keep the whole process alive.
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: string | Uint8Array) => {
    send({ printed: chunk.toString() });
    return true;
  };
}

parentPort?.on('message', async ({ text, voice, speed }: SpeakRequest) => {
  const speaking = text2wav(text, { voice, speed });
  // Each call of text2wav adds handlers that print and rethrow. Without them an error reaches the parent once,
  // unchanged.
  process.removeAllListeners('uncaughtException');
  process.removeAllListeners('unhandledRejection');
  const audio = await speaking;
  send({ audio }, [audio.buffer as ArrayBuffer]);
});
