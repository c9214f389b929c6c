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

parentPort?.on('message', async ({ text, voice, speed }: SpeakRequest) => {
  const speaking = text2wav(text, { voice, speed });
  // Each call adds handlers that print and rethrow; without them an error reaches the parent as it is, once.
  process.removeAllListeners('uncaughtException');
  process.removeAllListeners('unhandledRejection');
  const audio = await speaking;
  parentPort?.postMessage(audio, [audio.buffer as ArrayBuffer]);
});
