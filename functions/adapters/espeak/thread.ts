import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAwake } from '../../base/awake.ts';
import { PermanentError } from '../../base/errors.ts';
import type { SpeakAnswer, SpeakRequest } from './worker.ts';

/** How much of eSpeak's output is kept: enough for its last error message. */
const PRINTED_CHARACTERS = 2_000;
const HINT = 'shorten or simplify the text, or name another voice';
/** The engine itself has 16 MB that never grow. This is for what surrounds it, and several times what that needs. */
const MEMORY = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, codeRangeSizeMb: 16 };

export interface SpeechThread {
  readonly ended: boolean;
  /**
   * @throws {PermanentError} speech_failed after `timeLimitMs`, when the sound is longer than asked for, or when the thread
   * exits; the signal's reason on abort
   */
  speak(request: SpeakRequest, timeLimitMs: number, signal: AbortSignal): Promise<Uint8Array>;
  end(): Promise<unknown>;
}

/**
 * Starts at once and keeps the process alive only while it speaks. Any failure ends the thread; start a new one
 * then.
 */
export function startSpeechThread(): SpeechThread {
  // The worker has the same extension as this file: .ts in the source tree, .js once compiled.
  const extension = extname(fileURLToPath(import.meta.url));
  const worker = new Worker(new URL(`./worker${extension}`, import.meta.url), {
    stdout: true,
    stderr: true,
    execArgv: [],
    resourceLimits: MEMORY,
  });
  let ended = false;
  let complaint = 'no message before the thread exited';
  worker.on('error', (error) => {
    complaint = error.message;
  });
  worker.on('exit', () => {
    ended = true;
  });
  worker.unref();

  async function speak(request: SpeakRequest, timeLimitMs: number, signal: AbortSignal): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    let printed = '';
    const answered = (answer: SpeakAnswer) => {
      if ('audio' in answer) resolve(answer.audio);
      else if ('tooLong' in answer) {
        reject(speechFailed(request.text, `got more than ${request.mostSeconds} s of sound`, HINT));
      } else printed = (printed + answer.printed).slice(-PRINTED_CHARACTERS);
    };
    // All output has arrived before the exit event.
    const exited = () => reject(speechFailed(request.text, `got ${ownWords(printed) ?? complaint}`, HINT));
    const aborted = () => reject(signal.reason);
    using _ = afterAwake(timeLimitMs, () =>
      reject(speechFailed(request.text, `got nothing within ${timeLimitMs} ms`, HINT)),
    );
    worker.on('message', answered).once('exit', exited).ref();
    signal.addEventListener('abort', aborted, { once: true });
    worker.postMessage(request);
    try {
      return await promise;
    } catch (error) {
      ended = true;
      await worker.terminate();
      throw error;
    } finally {
      signal.removeEventListener('abort', aborted);
      worker.off('message', answered).off('exit', exited).unref();
    }
  }

  return {
    get ended() {
      return ended;
    },
    speak,
    end: () => worker.terminate(),
  };
}

/** Extracts the message from a line such as "Error: The specified espeak-ng voice does not exist." */
function ownWords(printed: string): string | undefined {
  return /^Error: (.+)$/m.exec(printed)?.[1];
}

/**
 * @param text the line, shortened in the message
 * @param got what happened instead
 */
export function speechFailed(text: string, got: string, hint: string): PermanentError {
  const start = text.trim();
  const shown = JSON.stringify(start.length > 40 ? `${start.slice(0, 40)}...` : start);
  return new PermanentError(
    'speech_failed',
    'speak',
    `Expected ${shown} to be spoken, ${got}. Next step: ${hint}.`,
  );
}
