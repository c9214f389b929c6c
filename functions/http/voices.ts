/** The voices that lines may name, and a sample of each. */
import { PermanentError, RequestError } from '../base/errors.ts';
import { retryTransient } from '../coordination/retry-policy.ts';
import type { VoiceList } from '../model/answers/voice.ts';
import { MAX_NAME } from '../model/fields/sources.ts';
import type { VoiceCatalog } from '../ports/voices.ts';
import { limitOf, strangeCursor } from './page.ts';
import { queryMistake } from './query.ts';

export interface VoicesDeps {
  voices: VoiceCatalog;
}

/** Somebody waits for the list. */
const RETRY_MS = 3_000;
/** Samples are the same for a long time, and a page plays them again and again. */
const SAMPLE_CACHE = 'private, max-age=3600';

/** GET /voices */
export async function listVoices(
  { signal }: Request,
  query: URLSearchParams,
  { voices }: VoicesDeps,
): Promise<Response> {
  const search = query.get('search') ?? '';
  if (search.length > MAX_NAME)
    throw queryMistake(
      'search',
      `Expected at most ${MAX_NAME} characters, got ${search.length}. Shorten it.`,
    );
  const cursor = query.get('cursor') || undefined;
  const wanted = { search, limit: limitOf(query.get('limit')), ...(cursor === undefined ? {} : { cursor }) };
  const page = await asked(() => voices.list(wanted, signal), signal);
  if (page === undefined) throw strangeCursor();
  const view: VoiceList = {
    provider: voices.provider,
    any_name: voices.anyName,
    note: voices.note,
    voices: page.voices.map(({ labels, ...voice }) => ({ ...voice, labels: [...labels] })),
    next_cursor: page.next,
  };
  return Response.json(view);
}

/**
 * GET /voices/{voice_id}/preview
 * @param name as in the address
 */
export async function getPreview(
  { signal }: Request,
  name: string,
  { voices }: VoicesDeps,
): Promise<Response> {
  const voice = decoded(name);
  const sample =
    voice === undefined ? undefined : await asked(() => voices.preview(voice, signal), signal, voice);
  if (sample === undefined) throw noPreview(voice ?? name);
  const { audio, type } = sample;
  return new Response(Buffer.from(audio), {
    headers: {
      'content-type': type,
      'content-length': String(audio.length),
      'cache-control': SAMPLE_CACHE,
    },
  });
}

async function asked<T>(ask: () => Promise<T>, signal: AbortSignal, voice = ''): Promise<T> {
  try {
    return await retryTransient(ask, { signal, forMs: RETRY_MS });
  } catch (error) {
    if (!PermanentError.is(error)) throw error;
    if (error.code === 'voice_not_found') throw noPreview(voice);
    throw new RequestError('voices_unavailable', error.message, { cause: error });
  }
}

function noPreview(voice: string): RequestError {
  return new RequestError(
    'not_found',
    `Expected the id of a voice with a sample, got ${JSON.stringify(voice.slice(0, 80))}, which has none here.`,
    { hint: 'GET /voices lists the voices; those with preview have one.' },
  );
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
