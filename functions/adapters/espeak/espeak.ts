import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import type { Line } from '../../model/plan.ts';
import type { Speech } from '../../ports.ts';
import { type SpeechThread, speechFailed, startSpeechThread } from './thread.ts';
import type { SpeakRequest } from './worker.ts';

export interface EspeakOptions {
  /** For one line, milliseconds. 2,000 characters take about one second. */
  timeLimitMs?: number;
  /** How long the thread is kept after a line, milliseconds. */
  idleMs?: number;
}

const TIME_LIMIT_MS = 60_000;
/** The thread takes about 60 MB for as long as it lives, and a quarter of a second to start. */
const IDLE_MS = 5_000;
/** eSpeak's default of 175 words per minute is hurried for an advertisement. */
const SPEED = 165;
/** Raise it when `spokenText` changes: it makes other sound of the same line. */
const TEXT_RULES = 1;
/** The variants that sound like a person; never reorder them: names are mapped by position. */
const VARIANTS = ['f1', 'f2', 'f3', 'f4', 'f5', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'] as const;
const NOTICE =
  'Lines are spoken by the built-in offline voice (eSpeak NG): any voice name is taken and mapped to one of its ' +
  'variants, always the same one';
const WAV_HEADER_BYTES = 44;

const require = createRequire(import.meta.url);

/** Speech without account, key or network: eSpeak NG as WebAssembly, one line after the other, in a thread of its own. */
export function createEspeakSpeech(options: EspeakOptions = {}): Speech & AsyncDisposable {
  const timeLimitMs = options.timeLimitMs ?? TIME_LIMIT_MS;
  const oneAtATime = pLimit(1);
  let thread: SpeechThread | undefined;
  let engine: Promise<Engine> | undefined;
  let idle: NodeJS.Timeout | undefined;

  async function voiceOf(line: Line): Promise<{ voice: string; version: string }> {
    engine ??= loadEngine();
    const { version, languages } = await engine;
    return { version, voice: espeakVoice(line.voice, languages) };
  }

  async function run(request: SpeakRequest, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    clearTimeout(idle);
    if (!thread || thread.ended) thread = startSpeechThread();
    const own = thread;
    try {
      return await own.speak(request, timeLimitMs, signal);
    } finally {
      idle = setTimeout(() => {
        // Forgotten first: a line that comes while it ends needs another one.
        thread = undefined;
        void own.end();
      }, options.idleMs ?? IDLE_MS).unref();
    }
  }

  return {
    notice: NOTICE,
    atOnce: null,

    async identity(line) {
      const { voice, version } = await voiceOf(line);
      return ['espeak', version, voice, `speed=${SPEED}`, `text=${TEXT_RULES}`];
    },

    async speak(line, signal) {
      const { voice } = await voiceOf(line);
      const request = { text: spokenText(line.text), voice, speed: SPEED };
      const audio = repairedWav(await oneAtATime(() => run(request, signal)));
      if (isSilent(audio)) throw speechFailed(line.text, 'got silence', 'send a text with words in it');
      return { audio, timing: null };
    },

    async [Symbol.asyncDispose]() {
      clearTimeout(idle);
      await thread?.end();
    },
  };
}

/**
 * A language code that eSpeak knows ("de", "pt-br") is that language; any other name is one of the English variants,
 * the same one for the same name, whatever its case and surrounding blanks.
 */
export function espeakVoice(name: string, languages: ReadonlySet<string>): string {
  const key = name.normalize('NFC').trim().toLowerCase();
  if (languages.has(key)) return key;
  const place = createHash('sha256').update(key).digest().readUInt32BE() % VARIANTS.length;
  return `en+${VARIANTS[place]}`;
}

/** eSpeak takes a leading "-" for an option, "[[" for phonemes, and ends at a NUL. */
function spokenText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const clean = text.toWellFormed().replace(/[\u0000-\u001f\u007f]/g, ' ');
  return ` ${clean.replaceAll('[[', '[ [').trim()}`;
}

/**
 * With RIFF and data sizes that fit the bytes, as players insist on.
 * @throws {PermanentError} speech_failed for what is no WAV file
 */
export function repairedWav(audio: Uint8Array): Uint8Array {
  const view = Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength);
  const isWav =
    view.length >= WAV_HEADER_BYTES &&
    view.toString('latin1', 0, 4) === 'RIFF' &&
    view.toString('latin1', 36, 40) === 'data';
  if (!isWav) {
    throw speechFailed('the line', `got ${view.length} bytes that are no WAV file`, 'post it again');
  }
  view.writeUInt32LE(view.length - 8, 4);
  view.writeUInt32LE(view.length - WAV_HEADER_BYTES, 40);
  return audio;
}

/** 16-bit samples, all zero: what eSpeak makes of blanks and lone punctuation. */
function isSilent(audio: Uint8Array): boolean {
  return audio.subarray(WAV_HEADER_BYTES).every((byte) => byte === 0);
}

interface Engine {
  version: string;
  /** Language codes, lower case. */
  languages: ReadonlySet<string>;
}

async function loadEngine(): Promise<Engine> {
  const manifest = require.resolve('text2wav/package.json');
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const folder = join(dirname(manifest), 'espeak-ng-data', 'lang');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const codes = texts.flatMap((text) =>
    [...text.matchAll(/^language\s+(\S+)/gm)].map((match) => match[1] ?? ''),
  );
  return { version, languages: new Set(codes.map((code) => code.toLowerCase())) };
}
