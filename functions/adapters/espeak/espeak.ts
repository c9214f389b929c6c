import { createHash } from 'node:crypto';
import pLimit from 'p-limit';
import type { Line } from '../../model/plan.ts';
import type { Speech } from '../../ports/speech.ts';
import { keepSpeechThread } from '../shared/kept-speech-thread.ts';
import { speechFailed } from '../shared/speech-thread.ts';
import { loadEngine } from './engine.ts';
import { startSpeechThread } from './thread.ts';

export interface EspeakOptions {
  /** Limit for one line, in milliseconds. 5,000 characters of ordinary words take about four seconds. */
  timeLimitMs?: number;
  /** Longest sound of one line. */
  mostSeconds?: number;
  /** How long the thread is kept after a line, in milliseconds. */
  idleMs?: number;
}

const TIME_LIMIT_MS = 60_000;
/** As requests count at most 5,000 characters, which are at most two units each. */
const MOST_UNITS = 10_000;
/** 5,000 characters of ordinary words take five and a half minutes; numbers and foreign scripts are spelled out. */
const MOST_SECONDS = 600;
/** The thread takes about 60 MB while it lives, and a quarter of a second to start. */
const IDLE_MS = 5_000;
/** Words per minute. eSpeak's default of 175 sounds hurried in an advertisement. */
const SPEED = 165;
/** Part of the cache key. Raise it when `spokenText` changes, because the same line then sounds different. */
const TEXT_RULES = 1;
/** The variants that sound human. Never reorder them: voice names are mapped by position. */
const VARIANTS = ['f1', 'f2', 'f3', 'f4', 'f5', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7'] as const;
const NOTICE =
  'Lines are spoken by the built-in offline voice (eSpeak NG). Any voice name is accepted: each is mapped to one of its ' +
  'variants, always the same one';
const WAV_HEADER_BYTES = 44;

/** Speech without account, key or network: eSpeak NG as WebAssembly, one line at a time, in its own thread. */
export function createEspeakSpeech(options: EspeakOptions = {}): Speech & AsyncDisposable {
  const { timeLimitMs = TIME_LIMIT_MS, mostSeconds = MOST_SECONDS, idleMs = IDLE_MS } = options;
  const oneAtATime = pLimit(1);
  const thread = keepSpeechThread({ start: startSpeechThread, timeLimitMs, idleMs });

  async function voiceOf(line: Line): Promise<{ voice: string; version: string }> {
    const { version, languages } = await loadEngine();
    return { version, voice: espeakVoice(line.voice, languages, line.language) };
  }

  return {
    speaker: { provider: 'espeak', model: null, isPaid: false },
    notice: NOTICE,
    atOnce: null,
    oneAtATime: true,
    timed: false,

    async identity(line) {
      const { voice, version } = await voiceOf(line);
      return ['espeak', version, voice, `speed=${speedOf(line)}`, `text=${TEXT_RULES}`];
    },

    async speak(line, signal) {
      if (line.text.length > MOST_UNITS) {
        throw speechFailed(line.text, `got ${line.text.length} characters`, `send at most ${MOST_UNITS / 2}`);
      }
      const { voice } = await voiceOf(line);
      const request = { text: spokenText(line.text), voice, speed: speedOf(line), mostSeconds };
      const audio = repairedWav(await oneAtATime(() => thread.speak(request, signal)));
      if (isSilent(audio)) throw speechFailed(line.text, 'got silence', 'send a text with words in it');
      return { audio, timing: null, credits: null };
    },

    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  };
}

/** Words per minute. */
function speedOf({ speed = 1 }: Line): number {
  return Math.round(SPEED * speed);
}

/**
 * A language code that eSpeak knows ("de", "pt-br") selects that language. Any other name selects one of the variants, always
 * the same one for the same name, ignoring case and surrounding spaces: of the line's language, if eSpeak knows it, or English.
 */
export function espeakVoice(name: string, languages: ReadonlySet<string>, language = 'en'): string {
  const key = name.normalize('NFC').trim().toLowerCase();
  if (languages.has(key)) return key;
  const place = createHash('sha256').update(key).digest().readUInt32BE() % VARIANTS.length;
  const tag = language.toLowerCase();
  const [code = ''] = tag.split('-');
  const known = [tag, code].find((wanted) => languages.has(wanted));
  // As before for English, whose accent is that of the voice.
  return `${known === undefined || code === 'en' ? 'en' : known}+${VARIANTS[place]}`;
}

/** eSpeak reads a leading "-" as an option and "[[" as phonemes, and stops at a NUL. */
function spokenText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removes control characters
  const clean = text.toWellFormed().replace(/[\u0000-\u001f\u007f]/g, ' ');
  return ` ${clean.replaceAll('[[', '[ [').trim()}`;
}

/**
 * Sets the RIFF and data sizes to the actual length, because players reject other values.
 * @throws {PermanentError} speech_failed if the audio is not a WAV file
 */
export function repairedWav(audio: Uint8Array): Uint8Array {
  const view = Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength);
  const isWav =
    view.length >= WAV_HEADER_BYTES &&
    view.toString('latin1', 0, 4) === 'RIFF' &&
    view.toString('latin1', 36, 40) === 'data';
  if (!isWav) {
    throw speechFailed('the line', `got ${view.length} bytes that are not a WAV file`, 'post it again');
  }
  view.writeUInt32LE(view.length - 8, 4);
  view.writeUInt32LE(view.length - WAV_HEADER_BYTES, 40);
  return audio;
}

/** All samples are zero, which is how eSpeak speaks blanks and lone punctuation. */
function isSilent(audio: Uint8Array): boolean {
  return audio.subarray(WAV_HEADER_BYTES).every((byte) => byte === 0);
}
