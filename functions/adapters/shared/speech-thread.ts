/** A thread that an engine blocks while it speaks one line. */
import { type ResourceLimits, Worker } from 'node:worker_threads';
import { afterAwake } from '../../base/awake.ts';
import { PermanentError } from '../../base/errors.ts';

/** What every engine is asked. */
export interface SpeechRequest {
  text: string;
  /** Longer sound is refused. */
  mostSeconds: number;
}

/**
 * What the thread sends: the lines that the engine prints, which are used only if it fails, and finally the audio, or that it
 * would be longer than asked for.
 */
export type SpeechAnswer = { printed: string } | { audio: Uint8Array } | { tooLong: true };

export interface SpeechThreadOptions {
  worker: URL;
  workerData?: unknown;
  /** Of the JavaScript around the engine. What the engine takes itself does not count. */
  memory: ResourceLimits;
  /** What to do about a line that fails. */
  hint: string;
  /** What to do if the engine itself fails. Left out: the same. */
  brokenHint?: string;
  /** Takes the engine's message from what it printed. */
  ownWords(printed: string): string | undefined;
}

export interface SpeechThread<Request extends SpeechRequest> {
  readonly ended: boolean;
  /**
   * @throws {PermanentError} speech_failed after `timeLimitMs`, when the sound is longer than asked for, or when the thread
   * exits; the signal's reason on abort
   */
  speak(request: Request, timeLimitMs: number, signal: AbortSignal): Promise<Uint8Array>;
  end(): Promise<unknown>;
}

/** How much of the engine's output is kept: enough for its last error message. */
const PRINTED_CHARACTERS = 2_000;

/**
 * Starts at once and keeps the process alive only while it speaks. Any failure ends the thread; start a new one
 * then.
 */
export function startSpeechThread<Request extends SpeechRequest>(
  options: SpeechThreadOptions,
): SpeechThread<Request> {
  const { hint, brokenHint = hint, ownWords } = options;
  const worker = new Worker(options.worker, {
    workerData: options.workerData,
    stdout: true,
    stderr: true,
    execArgv: [],
    resourceLimits: options.memory,
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

  async function speak(request: Request, timeLimitMs: number, signal: AbortSignal): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    let printed = '';
    const answered = (answer: SpeechAnswer) => {
      if ('audio' in answer) resolve(answer.audio);
      else if ('tooLong' in answer) {
        reject(speechFailed(request.text, `got more than ${request.mostSeconds} s of sound`, hint));
      } else printed = (printed + answer.printed).slice(-PRINTED_CHARACTERS);
    };
    // All output has arrived before the exit event.
    const exited = () =>
      reject(speechFailed(request.text, `got ${ownWords(printed) ?? complaint}`, brokenHint));
    const aborted = () => reject(signal.reason);
    using _ = afterAwake(timeLimitMs, () =>
      reject(speechFailed(request.text, `got nothing within ${timeLimitMs} ms`, hint)),
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
