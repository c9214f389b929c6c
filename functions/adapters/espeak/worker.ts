/**
 * The thread that eSpeak NG blocks while it speaks: receives a text and settings, answers with the bytes of a WAV file.
 * Any error ends the thread; espeak.ts starts a new one.
 *
 * It calls the engine inside text2wav, because text2wav itself lets the sound grow without limit, and in a way that takes
 * 40 times its size: 5,000 Chinese characters, read to an English voice, are 23 minutes of sound and took 2 GB.
 */
import { createRequire } from 'node:module';
import { parentPort } from 'node:worker_threads';
import type { SpeechAnswer, SpeechRequest } from '../shared/speech-thread.ts';

export interface SpeakRequest extends SpeechRequest {
  /** An eSpeak voice, "en+f3" or "de". */
  voice: string;
  /** Words per minute. */
  speed: number;
}

/** The engine's file system. https://emscripten.org/docs/api_reference/Filesystem-API.html */
interface EngineFiles {
  makedev(major: number, minor: number): number;
  registerDevice(device: number, operations: object): void;
  mkdev(path: string, device: number): void;
  unmount(path: string): void;
}

interface EngineOptions {
  arguments: (string | number)[];
  preRun: (() => void)[];
  postRun: () => void;
  /** Set by the engine. */
  FS?: EngineFiles;
}

const FILE = 'spoken.wav';
/** Any numbers that no device of the engine has. */
const DEVICE = [64, 1] as const;
const HEADER_BYTES = 44;
/** eSpeak speaks mono, 16 bits, 22.05 kHz. */
const BYTES_PER_SECOND = 44_100;
const SEEK_CUR = 1;
const SEEK_END = 2;

const startEngine = createRequire(import.meta.url)('text2wav/lib/espeak-ng') as (
  options: EngineOptions,
) => void;

function send(answer: SpeechAnswer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, transfer);
}

// Sent as messages, because reading the parent's worker.stdout would keep the whole process alive.
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: string | Uint8Array) => {
    send({ printed: chunk.toString() });
    return true;
  };
}

parentPort?.on('message', ({ text, voice, speed, mostSeconds }: SpeakRequest) => {
  const sound = boundedFile(HEADER_BYTES + mostSeconds * BYTES_PER_SECOND);
  const engine: EngineOptions = {
    arguments: [text, `-w ${FILE}`, '-v', voice, '-s', speed],
    preRun: [
      () => {
        const device = engine.FS?.makedev(...DEVICE) ?? 0;
        engine.FS?.registerDevice(device, sound.operations);
        engine.FS?.mkdev(`/${FILE}`, device);
      },
    ],
    postRun() {
      engine.FS?.unmount('/usr/share');
      const audio = sound.bytes();
      if (audio.length === 0) throw new Error('no sound');
      send({ audio }, [audio.buffer]);
    },
  };
  startEngine(engine);
  // Each start adds handlers that print and rethrow. Without them an error reaches the parent once, unchanged.
  process.removeAllListeners('uncaughtException');
  process.removeAllListeners('unhandledRejection');
});

/** A file in memory, as a device of the engine, that takes no more than its own size and ends the thread at its limit. */
function boundedFile(mostBytes: number) {
  const content = new ArrayBuffer(0, { maxByteLength: mostBytes });
  return {
    bytes: () => new Uint8Array(content.transferToFixedLength()),
    operations: {
      write(_stream: unknown, from: Uint8Array, offset: number, length: number, position: number): number {
        const end = position + length;
        if (end > mostBytes) {
          send({ tooLong: true });
          process.exit();
        }
        if (end > content.byteLength) content.resize(end);
        new Uint8Array(content).set(from.subarray(offset, offset + length), position);
        return length;
      },
      llseek({ position }: { position: number }, offset: number, whence: number): number {
        return offset + (whence === SEEK_CUR ? position : whence === SEEK_END ? content.byteLength : 0);
      },
    },
  };
}
