import { LRUCache } from 'lru-cache';
import { PermanentError } from '../../base/errors.ts';
import { unlessAborted } from '../../base/time-limit.ts';

export interface Voice {
  id: string;
  name: string;
}

export interface VoicesOptions {
  /** The provider's results for a name, which usually include other voices. */
  search: (name: string, signal: AbortSignal) => Promise<Voice[]>;
  /** Milliseconds that the id of a found voice is remembered. */
  rememberMs: number;
}

export interface Voices {
  /**
   * The id of the voice, by its name or id. Ids are not looked up; concurrent calls for one name share a request.
   * Throws PermanentError voice_not_found if no voice has the name, or several have.
   */
  find(voice: string, signal: AbortSignal): Promise<string>;
  /** Call it if a voice that was found no longer exists. */
  forget(voice: string): void;
}

interface LookUp {
  id: Promise<string>;
  waiting: number;
  stop: AbortController;
}

const VOICE_ID = /^[A-Za-z0-9]{20}$/;
/** The vendor's own voices are listed as "Sarah - Mature, Reassuring, Confident". */
const TAGLINE = ' - ';
const MOST_REMEMBERED = 1_000;
/** The most that a message lists. */
const MOST_CANDIDATES = 10;
const LONGEST_NAME = 60;

export function createVoices({ search, rememberMs }: VoicesOptions): Voices {
  const remembered = new LRUCache<string, string>({ max: MOST_REMEMBERED, ttl: rememberMs });
  const lookUps = new Map<string, LookUp>();

  /** Aborted only when the last caller has left. */
  function begin(key: string, name: string): LookUp {
    const stop = new AbortController();
    const id = search(name, stop.signal).then((found) => {
      const { id } = chooseVoice(name, found);
      remembered.set(key, id);
      return id;
    });
    // Callers get the error; this is for the case that none is left.
    id.catch(() => {});
    const lookUp = { id, waiting: 0, stop };
    lookUps.set(key, lookUp);
    return lookUp;
  }

  return {
    async find(voice, signal) {
      signal.throwIfAborted();
      const name = voice.trim();
      if (VOICE_ID.test(name)) return name;
      const key = comparable(name);
      const known = remembered.get(key);
      if (known !== undefined) return known;
      const lookUp = lookUps.get(key) ?? begin(key, name);
      lookUp.waiting += 1;
      try {
        return await unlessAborted(signal, lookUp.id);
      } finally {
        lookUp.waiting -= 1;
        if (lookUp.waiting === 0) {
          lookUp.stop.abort();
          lookUps.delete(key);
        }
      }
    },

    forget: (voice) => void remembered.delete(comparable(voice)),
  };
}

/** The only voice with that full name, or else the only one with that name before its tagline. */
export function chooseVoice(name: string, found: readonly Voice[]): Voice {
  const wanted = comparable(name);
  const whole = found.filter((voice) => comparable(voice.name) === wanted);
  const matches =
    whole.length > 0
      ? whole
      : found.filter((voice) => comparable(voice.name.split(TAGLINE, 1)[0] as string) === wanted);
  const [first] = matches;
  if (first !== undefined && matches.length === 1) return first;
  if (first !== undefined) {
    throw notFound(
      `one voice named ${quoted(name)}, got ${matches.length}: ${listed(matches)}`,
      'the id of one',
    );
  }
  const similar = found.length === 0 ? 'none' : `none of that name, but ${listed(found)}`;
  throw notFound(
    `a voice named ${quoted(name)} in this ElevenLabs account, got ${similar}`,
    'the id or the full name of a voice of the account',
  );
}

export function notFound(expectedAndGot: string, write: string, options?: ErrorOptions): PermanentError {
  return new PermanentError(
    'voice_not_found',
    'speak',
    `Expected ${expectedAndGot}. Next step: write ${write}, and post a new task.`,
    options,
  );
}

/** Ignores case, surrounding spaces and Unicode composition. */
function comparable(name: string): string {
  return name.normalize('NFC').trim().toLowerCase();
}

function listed(voices: readonly Voice[]): string {
  const names = voices.slice(0, MOST_CANDIDATES).map(({ id, name }) => `${quoted(name)} (${id})`);
  const more = voices.length - names.length;
  return names.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function quoted(name: string): string {
  return JSON.stringify(name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}...` : name);
}
