/** The service behind this page, through its own public client, and the API key that the person typed in. */
import { type Client, createClient, ServiceError } from '../client/client.ts';
import type { AccessView } from '../model/answers/access.ts';
import { refusalOfKey } from './key-characters.ts';
import { inTab } from './ui/kept.ts';
import { createStore } from './ui/store.ts';

/** Of this tab only: it is forgotten when the tab closes. The page of all addresses (http/docs/start.js) reads it, too. */
const KEPT_KEY = 'every-cut.key';

/** Where the service answers: this page's own address. */
const BASE = new URL('.', location.href).href;

export interface KeyQuestion {
  /** Whether there was a key, which the service no longer takes. */
  wasWrong: boolean;
  /** Tries a key. Resolves with why it cannot be used; null: it is in use. */
  answer: (key: string) => Promise<string | null>;
}

/** Waits for the person to type in the API key; null if nobody has to. */
export const keyQuestion = createStore<KeyQuestion | null>(null);

/** Undefined: none is in use. */
export const apiKey = createStore(inTab.get(KEPT_KEY) ?? undefined);
let client = clientWith(apiKey.get());
let asking: Promise<void> | undefined;

function clientWith(key: string | undefined): Client {
  // Fetch wants to be called as a function of the window.
  return createClient({ url: BASE, apiKey: key, fetch: (input, init) => fetch(input, init) });
}

/**
 * Runs `work` with the client. If the service wants a key, it is asked for, and `work` runs again with it.
 * @throws ServiceError whose message, code and hint are for people
 */
export async function ask<T>(work: (client: Client) => Promise<T>): Promise<T> {
  for (;;) {
    const used = client;
    try {
      return await work(used);
    } catch (error) {
      if (!ServiceError.is(error) || error.code !== 'unauthorized') throw error;
      // Another call may have got a new key meanwhile.
      if (used === client) await askForKey();
    }
  }
}

function askForKey(): Promise<void> {
  asking ??= new Promise<void>((resolve) => {
    keyQuestion.set({
      wasWrong: apiKey.get() !== undefined,
      async answer(given) {
        const tried = clientWith(given);
        const problem = refusalOfKey(given) ?? (await problemWith(tried));
        if (problem !== null) return problem;
        inTab.set(KEPT_KEY, given);
        client = tried;
        apiKey.set(given);
        keyQuestion.set(null);
        asking = undefined;
        resolve();
        return null;
      },
    });
  });
  return asking;
}

/** Lets browsers read the files of a task, as they send no key with links and players; null where no key is in use. */
export async function accessTo(taskId: string): Promise<AccessView | null> {
  return apiKey.get() !== undefined ? ask((used) => used.access(taskId)) : null;
}

/**
 * The address of a file, for links and players.
 * @param path with its query, such as "/tasks/1/manifest.csv"
 * @param token from accessTo
 */
export function fileLink(path: string, token: string | null | undefined): string {
  const link = `${BASE}${path.replace(/^\//, '')}`;
  return token ? `${link}${path.includes('?') ? '&' : '?'}access=${token}` : link;
}

export function forgetKey(): void {
  inTab.set(KEPT_KEY, null);
  client = clientWith(undefined);
  apiKey.set(undefined);
}

/** Why the key of a client cannot be used; null: it can. */
async function problemWith(tried: Client): Promise<string | null> {
  try {
    await tried.tasks({ limit: 1 }).next();
    return null;
  } catch (error) {
    const isWrong = ServiceError.is(error) && error.code === 'unauthorized';
    return isWrong ? 'Expected the API key of this service, got another one.' : messageOf(error);
  }
}

/** What went wrong, as a sentence for people, with the next step where there is one. */
export function messageOf(error: unknown): string {
  if (ServiceError.is(error)) return [error.message, error.hint].filter(Boolean).join(' ');
  return error instanceof Error ? error.message : String(error);
}
