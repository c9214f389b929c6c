/** The voices of an ElevenLabs account. Without the SDK, which would take a second and 160 MB of the process that serves pages. */
import { LRUCache } from 'lru-cache';
import { PermanentError, TransientError } from '../../base/errors.ts';
import { timeLimit } from '../../base/time-limit.ts';
import { sampleOf, type Voice, type VoicePage, type VoiceSample } from '../../model/voice.ts';
import type { VoiceCatalog } from '../../ports/voices.ts';
import { keepAnswers } from '../shared/kept-answers.ts';
import { CHECK_ADDRESS, failed, listRefused, networkError } from './errors.ts';
import { checkKey } from './key.ts';

export interface ElevenLabsVoicesOptions {
  /** Needs the permission to read voices, and nothing else. Empty: there is none here, and so no list. */
  apiKey: string;
  /** The address of a residency endpoint, or of a test server; undefined: the vendor's. */
  apiUrl: string | undefined;
  /** Downloads a sample, which may be anywhere. */
  download: (url: string, signal: AbortSignal) => Promise<Uint8Array>;
  limits?: Partial<CatalogLimits>;
}

/** Milliseconds. */
export interface CatalogLimits {
  /** For one page of the list. */
  voicesMs: number;
  /** How long a page is kept. */
  keepMs: number;
  /** For the download of a sample. */
  sampleMs: number;
}

const API_URL = 'https://api.elevenlabs.io';
const LIMITS: CatalogLimits = { voicesMs: 15_000, keepMs: 60_000, sampleMs: 20_000 };
const MOST_PAGES = 100;
const MOST_SAMPLE_BYTES = 16 * 1024 * 1024;
const MOST_KNOWN = 2_000;
const VOICE_ID = /^[A-Za-z0-9]{1,64}$/;
const TOKEN = /^[\x21-\x7e]{1,1000}$/;
/** Characters that are kept of a text of the vendor or of whoever named a voice. */
const LONGEST = { name: 200, description: 1_000, label: 60 };
const MOST_LABELS = 20;
const NO_KEY =
  'The function that answers here has no key for ElevenLabs, so it cannot list its voices. Lines may name a voice of the account ' +
  'by its name or id. For the list, give it a key that may only read voices: ELEVENLABS_VOICES_KEY.';

interface Listed extends VoicePage {
  /** The cursor is not one of the vendor's. */
  isStrange?: boolean;
}

export function createElevenLabsVoices(options: ElevenLabsVoicesOptions): VoiceCatalog {
  const { apiKey, download } = options;
  const apiUrl = options.apiUrl ?? API_URL;
  const limits = { ...LIMITS, ...options.limits };
  const pages = keepAnswers<Listed>({ keepMs: limits.keepMs, most: MOST_PAGES });
  const samples = keepAnswers<VoiceSample | undefined>({
    keepMs: 60 * limits.keepMs,
    most: MOST_PAGES,
    bytes: { most: MOST_SAMPLE_BYTES, of: ({ audio }) => audio.length },
  });
  /** Addresses of samples, by voice. */
  const known = new LRUCache<string, string>({ max: MOST_KNOWN, ttl: limits.keepMs });

  async function ask(query: Record<string, string>): Promise<Listed> {
    checkKey(apiKey);
    const { status, headers, body } = await answerTo(`${apiUrl}/v2/voices?${new URLSearchParams(query)}`);
    if (status !== 200) {
      const isStrange = 'next_page_token' in query && (status === 400 || status === 422);
      if (isStrange) return { voices: [], next: null, isStrange };
      throw listRefused({ status, body, headers }, apiKey);
    }
    const { voices, has_more, next_page_token } = (body ?? {}) as Record<string, unknown>;
    if (!Array.isArray(voices)) throw failed('a list of voices', 'something else', CHECK_ADDRESS);
    const isMore = has_more === true && typeof next_page_token === 'string';
    return { voices: voices.flatMap(noted), next: isMore ? next_page_token : null };
  }

  async function answerTo(url: string) {
    const late = () =>
      new TransientError(
        'network',
        `Expected ElevenLabs to answer within ${limits.voicesMs} ms, got nothing.`,
      );
    using limit = timeLimit(limits.voicesMs, late);
    try {
      // A redirect would take the key elsewhere.
      const response = await fetch(url, {
        headers: { 'xi-api-key': apiKey },
        redirect: 'manual',
        signal: limit.signal,
      });
      const { status, headers } = response;
      return { status, headers, body: parsed(await response.text()) };
    } catch (error) {
      throw limit.signal.aborted ? limit.signal.reason : networkError(error);
    }
  }

  function noted(voice: unknown): Voice[] {
    const found = voiceOf(voice);
    if (found === undefined) return [];
    const { sample, ...rest } = found;
    if (sample === undefined || !isSampleUrl(sample, apiUrl)) return [{ ...rest, preview: false }];
    known.set(rest.id, sample);
    return [{ ...rest, preview: true }];
  }

  async function sampleUrl(voice: string): Promise<string | undefined> {
    if (!known.has(voice)) await ask({ voice_ids: voice, page_size: '1' });
    return known.get(voice);
  }

  return {
    provider: 'elevenlabs',
    anyName: false,
    note: apiKey === '' ? NO_KEY : null,

    async list({ search, limit, cursor }, signal) {
      if (cursor !== undefined && !TOKEN.test(cursor)) return undefined;
      if (apiKey === '') return { voices: [], next: null };
      const query = {
        page_size: String(limit),
        ...(search.trim() === '' ? {} : { search: search.trim() }),
        ...(cursor === undefined ? {} : { next_page_token: cursor }),
      };
      const { isStrange, ...page } = await pages.of(JSON.stringify(query), signal, () => ask(query));
      return isStrange ? undefined : page;
    },

    async preview(voice, signal) {
      if (apiKey === '' || !VOICE_ID.test(voice)) return undefined;
      return samples.of(voice, signal, async () => {
        const url = await sampleUrl(voice);
        if (url === undefined) return undefined;
        using limit = timeLimit(limits.sampleMs, lateSample);
        const sample = sampleOf(await download(url, limit.signal));
        if (sample === undefined)
          throw failed('a sample as MP3 or WAV', 'another file', 'listen to the voice on their site');
        return sample;
      });
    },
  };
}

/** http is for a test server, as its own address is. */
export function isSampleUrl(sample: string, apiUrl: string): boolean {
  const protocol = URL.parse(sample)?.protocol;
  return protocol === 'https:' || (protocol === 'http:' && apiUrl.startsWith('http:'));
}

function lateSample(): PermanentError {
  return new PermanentError(
    'source_unreachable',
    'download',
    'Expected the sample of the voice in time, got only a part. Next step: try again.',
  );
}

/** https://elevenlabs.io/docs/api-reference/voices/search */
function voiceOf(voice: unknown): (Omit<Voice, 'preview'> & { sample: string | undefined }) | undefined {
  const { voice_id, name, description, labels, category, preview_url } = (voice ?? {}) as Record<
    string,
    unknown
  >;
  if (typeof voice_id !== 'string' || !VOICE_ID.test(voice_id)) return undefined;
  const { language, ...others } = (labels ?? {}) as Record<string, unknown>;
  const words = [...Object.values(others), category].flatMap((label) => cut(label, LONGEST.label) ?? []);
  return {
    id: voice_id,
    name: cut(name, LONGEST.name) ?? voice_id,
    description: cut(description, LONGEST.description) ?? null,
    language: cut(language, LONGEST.label) ?? null,
    labels: [...new Set(words)].slice(0, MOST_LABELS),
    sample: typeof preview_url === 'string' ? preview_url : undefined,
  };
}

/** Undefined for an empty text and for what is none. */
function cut(text: unknown, most: number): string | undefined {
  const clean = typeof text === 'string' ? text.trim().slice(0, most).toWellFormed() : '';
  return clean === '' ? undefined : clean;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
