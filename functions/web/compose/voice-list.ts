/** The voices of the service: asked for once, and searched as the person types. */
import type { VoiceList } from '../../model/answers/voice.ts';
import { ask } from '../service.ts';
import { createStore } from '../ui/store.ts';

/** What every built-in voice answers to. */
const USUAL = 'Sarah';
/** As many as a list shows. */
const MOST = 50;

/** The first of them; null until they are known. */
export const voices = createStore<VoiceList | null>(null);

/** For lines that name none. */
export function usualVoice(): string {
  const known = voices.get();
  const first = known?.voices[0];
  if (known === null || known.any_name || first === undefined) return USUAL;
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
export function readVoices(search: string, signal?: AbortSignal): Promise<VoiceList> {
  return ask((client) => client.voices({ search, limit: MOST, signal }));
}

/**
 * A short sample of the voice.
 * @param id or, where any name is a voice, its name
 * @throws ServiceError
 */
export function readSample(id: string, signal: AbortSignal): Promise<Blob> {
  return ask(async (client) => (await client.voicePreview(id, { signal })).blob());
}
