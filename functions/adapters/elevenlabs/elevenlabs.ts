import type { ElevenLabs, ElevenLabsClient } from 'elevenlabs';
import { PermanentError, TransientError } from '../../base/errors.ts';
import { timeLimit } from '../../base/time-limit.ts';
import { withoutEnd } from '../../base/without-end.ts';
import type { Line } from '../../model/plan.ts';
import type { VoiceSettings } from '../../model/voice-settings.ts';
import type { Speech } from '../../ports/speech.ts';
import { createAllowance } from './allowance.ts';
import { CHECK_URL, elevenLabsError, failed, isTooMany, refusalOf } from './errors.ts';
import { checkKey } from './key.ts';
import { wordsOf } from './timing.ts';
import { createVoices, notFound, type Voice } from './voices.ts';

/** Milliseconds. */
export interface ElevenLabsLimits {
  /** For one page of a search for voices. */
  voicesMs: number;
  /** For one line, from the request to the last byte of the answer. */
  speakMs: number;
  /** How long the id of a found voice is remembered. */
  rememberMs: number;
}

export interface ElevenLabsOptions {
  apiKey: string;
  /** The address of a residency endpoint, or of a test server; undefined: the vendor's. */
  apiUrl: string | undefined;
  /** "eleven_multilingual_v2". */
  model: string;
  /** output_format: mp3_*, wav_* or opus_*, which ffmpeg recognizes. */
  format: string;
  /** If undefined, the voice's own settings. */
  voiceSettings: VoiceSettings | undefined;
  limits?: Partial<ElevenLabsLimits>;
}

/**
 * The longest text takes about a minute. Far below the 600 s after which a push message is delivered again, which
 * leaves time to buy a stalled line again.
 */
const LIMITS: ElevenLabsLimits = { voicesMs: 30_000, speakMs: 180_000, rememberMs: 3_600_000 };
/** The maximum of GET /v2/voices. */
const PAGE_SIZE = 100;
const MOST_PAGES = 10;
/** Means that no settings are sent: empty ones would select the vendor's defaults, not the settings of the voice. */
const OWN = 'own';

type RequestOptions = NonNullable<Parameters<ElevenLabsClient['voices']['search']>[1]>;
type OutputFormat = NonNullable<
  Parameters<ElevenLabsClient['textToSpeech']['convertWithTimestamps']>[1]['outputFormat']
>;

/** Speech by ElevenLabs. Every request is one try. */
export function createElevenLabsSpeech(options: ElevenLabsOptions): Speech {
  const { apiKey, model, format } = options;
  const settings = settingsText(options.voiceSettings);
  const limits = { ...LIMITS, ...options.limits };
  const allowance = createAllowance();
  const voices = createVoices({ search, rememberMs: limits.rememberMs });
  let client: Promise<ElevenLabsClient> | undefined;

  /** Takes a second and 160 MB, so the SDK is loaded only by a process that needs speech. */
  async function connect(): Promise<ElevenLabsClient> {
    checkKey(apiKey);
    const { ElevenLabsClient } = await import('elevenlabs');
    const baseUrl = options.apiUrl === undefined ? {} : { baseUrl: options.apiUrl };
    return new ElevenLabsClient({ apiKey, fetch: fetchOrFailingBody, ...baseUrl });
  }

  /** One request behind the gate, with our own time limit: the SDK's ends at the headers, but bodies can stall. */
  async function ask<T>(
    limitMs: number,
    signal: AbortSignal,
    request: (client: ElevenLabsClient, options: RequestOptions) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    client ??= connect();
    const connected = await client;
    using limit = timeLimit(limitMs, () => late(limitMs), signal);
    try {
      return await request(connected, {
        maxRetries: 0,
        abortSignal: limit.signal,
        // Longer than our own limit, whose error says more.
        timeoutInSeconds: limitMs / 1000 + 1,
      });
    } catch (error) {
      signal.throwIfAborted();
      const known = elevenLabsError(error, apiKey);
      throw PermanentError.is(known) || !limit.signal.aborted ? known : limit.signal.reason;
    }
  }

  async function search(name: string, signal: AbortSignal): Promise<Voice[]> {
    const found: Voice[] = [];
    let token: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const next = token === undefined ? {} : { nextPageToken: token };
      const answer = await ask(limits.voicesMs, signal, (connected, request) =>
        connected.voices.search({ search: name, pageSize: PAGE_SIZE, ...next }, request),
      );
      found.push(...answer.voices.map(({ voiceId, name = '' }) => ({ id: voiceId, name })));
      token = answer.nextPageToken;
      if (!answer.hasMore || token === undefined) return found;
    }
    throw notFound(
      `at most ${MOST_PAGES * PAGE_SIZE} voices to be found for that name, got more`,
      'the id of one',
    );
  }

  /** What a request says replaces all settings of the voice, so these come with a line that has only a speed. */
  async function settingsFor({ speed }: Line, voiceId: string, signal: AbortSignal) {
    const set = settings === OWN ? undefined : options.voiceSettings;
    if (speed === undefined) return set;
    const kept =
      set ??
      (await ask(limits.voicesMs, signal, (connected, request) =>
        connected.voices.settings.get(voiceId, request),
      ));
    return { ...kept, speed };
  }

  async function buy(voiceId: string, spoken: Line, signal: AbortSignal) {
    const voiceSettings = await settingsFor(spoken, voiceId, signal);
    const languageCode = languageFor(spoken, model);
    const line = {
      text: spoken.text,
      modelId: model,
      outputFormat: format as OutputFormat,
      ...(voiceSettings && { voiceSettings }),
      ...(languageCode && { languageCode }),
    };
    return ask(limits.speakMs, signal, async (connected, request) => {
      try {
        const { data, rawResponse } = await connected.textToSpeech
          .convertWithTimestamps(voiceId, line, request)
          .withRawResponse();
        hear(rawResponse.headers, false);
        return { ...data, credits: creditsOf(rawResponse.headers) };
      } catch (error) {
        const refusal = refusalOf(error);
        if (refusal) hear(refusal.headers, isTooMany(refusal));
        throw error;
      }
    });
  }

  /** https://elevenlabs.io/docs/overview/models#concurrency-and-priority */
  function hear(headers: { get(name: string): string | null }, tooMany: boolean): void {
    allowance.hear({
      maximum: headers.get('maximum-concurrent-requests'),
      current: headers.get('current-concurrent-requests'),
      tooMany,
    });
  }

  return {
    speaker: { provider: 'elevenlabs', model, isPaid: true },
    notice: null,
    oneAtATime: false,
    timed: true,
    get atOnce() {
      return allowance.atOnce();
    },

    async identity(line, signal) {
      const language = languageFor(line, model);
      return [
        ...['elevenlabs', await voices.find(line.voice, signal), model, settings, format],
        ...(line.speed === undefined ? [] : [`speed=${line.speed}`]),
        ...(language === undefined ? [] : [`language=${language}`]),
      ];
    },

    async speak(line, signal) {
      const voiceId = await voices.find(line.voice, signal);
      try {
        const answer = await buy(voiceId, line, signal);
        return { audio: audioOf(answer), timing: wordsOf(answer.alignment), credits: answer.credits };
      } catch (error) {
        if (PermanentError.is(error) && error.code === 'voice_not_found') voices.forget(line.voice);
        throw error;
      }
    },
  };
}

/** Models that find out the language by themselves, and refuse to be told, or know English only. */
const WITHOUT_LANGUAGE = /multilingual|monolingual|english|_v2$/;

/** ISO 639-1, for a model that takes it; undefined otherwise. */
export function languageFor({ language }: Pick<Line, 'language'>, model: string): string | undefined {
  if (language === undefined || WITHOUT_LANGUAGE.test(model)) return undefined;
  const [code = ''] = language.toLowerCase().split('-');
  return code.length === 2 ? code : undefined;
}

/** The same text for the same settings, in any order. */
export function settingsText(settings: VoiceSettings | undefined): string {
  const set = Object.entries(settings ?? {}).toSorted();
  return set.length === 0 ? OWN : set.map(([name, value]) => `${name}=${value}`).join(' ');
}

/**
 * The SDK stops its timer when it has an answer, but not when fetch fails, and the timer keeps the process running. So
 * a failure is returned as an answer whose body fails. Redirects are not followed: that would send the key elsewhere.
 */
async function fetchOrFailingBody(...[url, init]: Parameters<typeof fetch>): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: 'manual' });
  } catch (error) {
    return new Response(new ReadableStream({ start: (body) => body.error(error) }));
  }
}

/** Fewer than characters for some models, more for some voices. */
function creditsOf(headers: { get(name: string): string | null }): number | null {
  const text = headers.get('character-cost') ?? '';
  return /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : null;
}

function audioOf({ audioBase64 }: ElevenLabs.AudioWithTimestampsResponse): Uint8Array {
  const audio = Buffer.from(audioBase64, 'base64');
  // Node skips characters that are not base64, so the length is checked.
  const whole = Math.floor((withoutEnd(audioBase64, '=').length * 3) / 4);
  if (audio.length !== whole) throw failed('sound as base64', 'other text', CHECK_URL);
  if (audio.length === 0) throw failed('sound', '0 bytes', 'send a text with words in it');
  return audio;
}

function late(limitMs: number): TransientError {
  return new TransientError(
    'network',
    `Expected ElevenLabs to answer within ${limitMs} ms, got no complete answer.`,
  );
}
