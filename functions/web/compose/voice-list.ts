/** The voices of the service: asked for once, and searched as the person types. */
import { ask } from '../service.ts';
import { createStore } from '../ui/store.ts';

export interface Voice {
  id: string;
  name: string;
  description: string | null;
  language: string | null;
  labels: readonly string[];
  /** Whether it can be heard before it is chosen. */
  preview: boolean;
}

export interface Voices {
  /** Whether the service speaks with a voice of any name. */
  anyName: boolean;
  /** Such as why there are none; null: nothing. */
  note: string | null;
  /** The first ones. */
  voices: readonly Voice[];
}

/** What every built-in voice answers to. */
const USUAL = 'Sarah';
/** As many as a list shows. */
const MOST = 50;

/** Null until they are known. */
export const voices = createStore<Voices | null>(null);

/** For lines that name none. */
export function usualVoice(): string {
  const known = voices.get();
  const first = known?.voices[0];
  if (known === null || known.anyName || first === undefined) return USUAL;
  return known.voices.some(({ id, name }) => name === first.name && id !== first.id) ? first.id : first.name;
}

let loading: Promise<void> | undefined;

/** Asks for the first voices, once. Never fails: without them, people type a name. */
export function loadVoices(): Promise<void> {
  loading ??= readVoices('').then(
    (known) => voices.set(known),
    () => {
      loading = undefined;
    },
  );
  return loading;
}

/**
 * The first voices that are found.
 * @param search part of a name or label; empty: all
 * @throws ServiceError
 */
export async function readVoices(search: string, signal?: AbortSignal): Promise<Voices> {
  return ask(async (client) => {
    const page = await client.voices({ search, limit: MOST, signal });
    return { anyName: page.any_name, note: page.note, voices: page.voices };
  });
}

/**
 * A short sample of the voice.
 * @param id or, where any name is a voice, its name
 * @throws ServiceError
 */
export function readSample(id: string, signal: AbortSignal): Promise<Blob> {
  return ask(async (client) => (await client.voicePreview(id, { signal })).blob());
}
