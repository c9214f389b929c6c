/** Speech by a neural voice that the operator has downloaded, without account, key or network. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import pLimit from 'p-limit';
import type { Line } from '../../model/plan.ts';
import type { Speech } from '../../ports/speech.ts';
import { keepSpeechThread } from '../shared/kept-speech-thread.ts';
import { speechFailed, startSpeechThread } from '../shared/speech-thread.ts';
import { contentHash, signatureOf } from './content-hash.ts';
import { type ChosenSpeaker, chooseSpeaker } from './speakers.ts';
import { spokenParts } from './spoken-parts.ts';
import { readVoiceFolder, type VoiceFolder } from './voice-folder.ts';
import type { SpeakRequest, WorkerVoice } from './worker.ts';

export interface NeuralVoiceOptions {
  /** Folder of the voice. */
  dir: string;
  /** Speaks lines in languages that the voice does not speak. */
  fallback: Speech;
  /** Limit for one line, in milliseconds, with the start of the engine. */
  timeLimitMs?: number;
  /** Longest sound of one line. */
  mostSeconds?: number;
  /** How long the engine is kept after a line, in milliseconds. */
  idleMs?: number;
}

/** Half a minute is spoken by the slowest models in two. */
const TIME_LIMIT_MS = 600_000;
const MOST_SECONDS = 600;
/** As requests count at most 5,000 characters, which are at most two units each. */
const MOST_UNITS = 10_000;
/** The engine takes hundreds of megabytes while it lives, and about a second to load a model. */
const IDLE_MS = 30_000;
/** Of the JavaScript around the engine, several times what that needs. */
const MEMORY = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, codeRangeSizeMb: 16 };
/** Part of the cache key. Raise it when parts are cut differently, because the same line then sounds different. */
const TEXT_RULES = 1;
const WAV_HEADER_BYTES = 44;
const HINT = 'shorten or simplify the text, or set OFFLINE_VOICE to another voice';
/** No text breaks the engine, as it gets short parts of well-formed ones: a changed byte of the model does. */
const BROKEN_HINT =
  'download the voice again (infra/README.md, "An offline voice") and start the service again, or set OFFLINE_VOICE to another voice';
const SILENT_HINT = 'send a text with words in it; if it has some, download the voice again';
/** More names than anybody reads in a warning. */
const MOST_NAMES = 12;

const require = createRequire(import.meta.url);

/** @throws {Error} if the folder does not hold a voice; the message says what to do */
export function createNeuralSpeech(options: NeuralVoiceOptions): Speech & AsyncDisposable {
  const {
    dir,
    fallback,
    timeLimitMs = TIME_LIMIT_MS,
    mostSeconds = MOST_SECONDS,
    idleMs = IDLE_MS,
  } = options;
  const voice = readVoiceFolder(dir);
  const { files, kind, isMultilingual } = voice;
  const signature = signatureOf(files);
  const oneAtATime = pLimit(1);
  const thread = keepSpeechThread<SpeakRequest>({
    start: () => startThread({ kind, files, isMultilingual }),
    timeLimitMs,
    idleMs,
  });
  let known: Promise<readonly string[]> | undefined;

  /** What the sound depends on in every line. A failure is not kept. */
  function voiceIdentity(): Promise<readonly string[]> {
    known ??= Promise.all([engineVersion(), contentHash(dir, files)]).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  function checkUnchanged(line: Line): void {
    let now: string | undefined;
    try {
      now = signatureOf(files);
    } catch {
      // A file is gone.
    }
    if (now === signature) return;
    throw speechFailed(line.text, 'got a voice whose files were changed', 'start the service again');
  }

  return {
    speaker: { provider: 'neural', model: voice.name, isPaid: false },
    notice: noticeOf(voice),
    atOnce: null,
    oneAtATime: true,
    timed: false,

    async identity(line, signal) {
      const chosen = chooseSpeaker(voice, line);
      if (chosen === undefined) return fallback.identity(line, signal);
      checkUnchanged(line);
      const { id, language } = chosen;
      const own = [
        `speaker=${id}`,
        `language=${language ?? ''}`,
        `speed=${line.speed ?? 1}`,
        `text=${TEXT_RULES}`,
      ];
      return ['neural', ...(await voiceIdentity()), ...own];
    },

    async speak(line, signal) {
      const chosen = chooseSpeaker(voice, line);
      if (chosen === undefined) return fallback.speak(line, signal);
      const request = requestOf(line, chosen, mostSeconds);
      const audio = await oneAtATime(() => {
        checkUnchanged(line);
        return thread.speak(request, signal);
      });
      if (isSilent(audio)) throw speechFailed(line.text, 'got silence', SILENT_HINT);
      return { audio, timing: null, credits: null };
    },

    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}

function requestOf(line: Line, { id, language }: ChosenSpeaker, mostSeconds: number): SpeakRequest {
  const { text, speed = 1 } = line;
  if (text.length > MOST_UNITS) {
    throw speechFailed(text, `got ${text.length} characters`, `send at most ${MOST_UNITS / 2}`);
  }
  const parts = spokenParts(text);
  if (parts.length === 0) throw speechFailed(text, 'got silence', 'send a text with words in it');
  return { text, parts, speaker: id, language, speed, mostSeconds };
}

function startThread(workerData: WorkerVoice) {
  // The worker has the same extension as this file: .ts in the source tree, .js once compiled.
  const extension = extname(fileURLToPath(import.meta.url));
  return startSpeechThread<SpeakRequest>({
    worker: new URL(`./worker${extension}`, import.meta.url),
    workerData,
    memory: MEMORY,
    hint: HINT,
    brokenHint: BROKEN_HINT,
    ownWords,
  });
}

/** Extracts the last message from lines such as "/…/offline-tts-vits-model.cc:Init:173 'language' does not exist in the metadata". */
function ownWords(printed: string): string | undefined {
  return [...printed.matchAll(/^\S+\.(?:cc|h):\w+:\d+ (.+)$/gm)].at(-1)?.[1];
}

async function engineVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(require.resolve('sherpa-onnx/package.json'), 'utf8')) as {
    version: string;
  };
  return `sherpa-onnx ${version}`;
}

/** No sample is louder than the noise of the last bit. */
function isSilent(audio: Uint8Array): boolean {
  const samples = new Int16Array(audio.buffer, audio.byteOffset + WAV_HEADER_BYTES);
  return samples.every((sample) => Math.abs(sample) <= 1);
}

function noticeOf({ name, speakerCount, speakerNames, isMultilingual, language }: VoiceFolder): string {
  const shown = speakerNames.slice(0, MOST_NAMES).join(', ');
  const names =
    shown === ''
      ? `the numbers 0 to ${speakerCount - 1}`
      : `${shown}${speakerNames.length > MOST_NAMES ? ' …' : ''}`;
  const speakers =
    speakerCount === 1
      ? 'Any voice name is accepted: it has one speaker'
      : `Its speakers are ${names}. Any other voice name is mapped to one of them, always the same one`;
  const languages = isMultilingual
    ? 'languages that its speakers do not speak'
    : `other languages than ${language}`;
  return `Lines are spoken by the offline neural voice ${name}. ${speakers}. Lines in ${languages} are spoken by eSpeak NG`;
}
