/** Plays a sample of a voice: one at a time, in this page alone. */
import { messageOf } from '../service.ts';
import { say } from '../ui/notice.ts';
import { createStore } from '../ui/store.ts';
import { readSample } from './voice-list.ts';

/** What is heard, or about to be. */
export const heard = createStore<{ id: string; isLoading: boolean } | null>(null);

let audio: HTMLAudioElement | undefined;
let asking: AbortController | undefined;

/** Stops it if it is heard. */
export async function toggleSample(id: string): Promise<void> {
  const wasHeard = heard.get()?.id === id;
  stopSample();
  if (wasHeard) return;
  asking = new AbortController();
  const { signal } = asking;
  heard.set({ id, isLoading: true });
  try {
    const address = URL.createObjectURL(await readSample(id, signal));
    if (signal.aborted) return URL.revokeObjectURL(address);
    audio = new Audio(address);
    audio.addEventListener('ended', stopSample);
    await audio.play();
    if (signal.aborted) return;
    heard.set({ id, isLoading: false });
  } catch (error) {
    if (signal.aborted) return;
    stopSample();
    say(messageOf(error));
  }
}

export function stopSample(): void {
  asking?.abort();
  audio?.pause();
  if (audio) URL.revokeObjectURL(audio.src);
  audio = undefined;
  heard.set(null);
}
