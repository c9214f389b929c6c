/**
 * The thread that sherpa-onnx blocks while it loads the voice and speaks: receives parts of a text, answers with the bytes of a
 * WAV file. Any error ends the thread, which is all that a model can break: the engine is WebAssembly, and takes 2 GB at most.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { SpeechAnswer, SpeechRequest } from '../shared/speech-thread.ts';
import type { VoiceFiles, VoiceKind } from './voice-folder.ts';

export interface SpeakRequest extends SpeechRequest {
  parts: readonly string[];
  speaker: number;
  /** eSpeak's code, for a model of several languages. */
  language: string | undefined;
  /** 1 is the model's own. */
  speed: number;
}

export interface WorkerVoice {
  kind: VoiceKind;
  files: VoiceFiles;
  isMultilingual: boolean;
}

/** https://k2-fsa.github.io/sherpa/onnx/nodejs/index.html */
interface Engine {
  createOfflineTts(config: object): {
    sampleRate: number;
    generateWithConfig(text: string, config: object): { samples: Float32Array };
  };
}

type Write = (
  descriptor: number,
  bytes: Uint8Array,
  offset?: number,
  length?: number,
  position?: number | null,
) => number;

const CONFIG_OF = {
  vits: 'offlineTtsVitsModelConfig',
  kokoro: 'offlineTtsKokoroModelConfig',
  kitten: 'offlineTtsKittenModelConfig',
} as const satisfies Record<VoiceKind, string>;
const HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;
const LOUDEST = 32_767;

function send(answer: SpeechAnswer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, transfer);
}

// The engine writes straight to the process's own output, which may be the service's log: with words of the text.
const write = fs.writeSync as Write;
const captured: Write = (descriptor, bytes, offset = 0, length = bytes.length, position = null) => {
  if (descriptor !== 1 && descriptor !== 2) return write(descriptor, bytes, offset, length, position);
  // Without a copy: the bytes are all of the engine's memory.
  send({ printed: Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString() });
  return length;
};
fs.writeSync = captured as typeof fs.writeSync;
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk: string | Uint8Array) => {
    send({ printed: chunk.toString() });
    return true;
  };
}

const voice = workerData as WorkerVoice;
const engine = createRequire(import.meta.url)('sherpa-onnx') as Engine;
const speech = named('the model', () => engine.createOfflineTts(engineConfig(voice)));

parentPort?.on('message', (request: SpeakRequest) => {
  const { sampleRate } = speech;
  const spoken: Float32Array[] = [];
  let samples = 0;
  for (const part of request.parts) {
    const sound = named('the text', () => speech.generateWithConfig(part, settingsOf(request)));
    spoken.push(sound.samples);
    samples += sound.samples.length;
    if (samples > request.mostSeconds * sampleRate) {
      send({ tooLong: true });
      process.exit();
    }
  }
  const audio = wavOf(spoken, samples, sampleRate);
  send({ audio }, [audio.buffer]);
});

function engineConfig({ kind, files, isMultilingual }: WorkerVoice): object {
  const model = {
    model: files.model,
    voices: files.voices ?? '',
    tokens: files.tokens,
    dataDir: files.espeakData ?? '',
    lexicon: files.lexicons.join(','),
    ...(isMultilingual ? { lang: 'en-us' } : {}),
  };
  return {
    offlineTtsModelConfig: { [CONFIG_OF[kind]]: model, numThreads: 1, debug: 0, provider: 'cpu' },
    maxNumSentences: 1,
  };
}

function settingsOf({ speaker, speed, language }: SpeakRequest): object {
  return { sid: speaker, speed, ...(language === undefined ? {} : { extra: { lang: language } }) };
}

/** The engine throws the address of its error, or an object without a message. */
function named<T>(what: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Error(
      `an engine that refused ${what} (${error instanceof Error ? error.message : String(error)})`,
    );
  }
}

/** Mono, 16 bits. */
function wavOf(
  spoken: readonly Float32Array[],
  samples: number,
  sampleRate: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new ArrayBuffer(HEADER_BYTES + samples * SAMPLE_BYTES);
  const header = Buffer.from(bytes);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(bytes.byteLength - 8, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * SAMPLE_BYTES, 28);
  header.writeUInt16LE(SAMPLE_BYTES, 32);
  header.writeUInt16LE(8 * SAMPLE_BYTES, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples * SAMPLE_BYTES, 40);
  const sound = new Int16Array(bytes, HEADER_BYTES);
  let at = 0;
  for (const piece of spoken) {
    for (const sample of piece) {
      sound[at] = Math.round(Math.max(-1, Math.min(1, sample)) * LOUDEST);
      at += 1;
    }
  }
  return new Uint8Array(bytes);
}
