/** Listening to one track at a time. */
import { useEffect } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { Icon } from '../ui/icons.ts';
import { createStore, useStore } from '../ui/store.ts';
import { placeOfClip } from './arrange-clips.ts';
import { type Clip, draft } from './draft.ts';

/** Key of the track that plays. */
const playing = createStore<string | null>(null);
let player: { audio: HTMLAudioElement; url: string } | undefined;

/** Nothing for a link: this page loads nothing from elsewhere. */
export function ListenButton({ clip }: { clip: Clip }) {
  const isPlaying = useStore(playing) === clip.key;
  useEffect(() => () => stopIf(clip.key), [clip.key]);
  if (clip.source.kind === 'link' || clip.source.file === null) return null;
  const { file } = clip.source;
  const label = `${isPlaying ? 'Stop' : 'Listen to'} ${clip.name}`;
  return html`
    <button type="button" class="icon-button" aria-label=${label} title=${isPlaying ? 'Stop' : 'Listen'}
      onClick=${() => (isPlaying ? stop() : play(clip.key, file))}><${Icon} name=${isPlaying ? 'pause' : 'play'} /></button>`;
}

export function stop(): void {
  player?.audio.pause();
  if (player !== undefined) URL.revokeObjectURL(player.url);
  player = undefined;
  playing.set(null);
}

function stopIf(key: string): void {
  if (playing.get() === key) stop();
}

/** Its part, once. */
function play(key: string, file: File): void {
  stop();
  const url = URL.createObjectURL(file);
  const audio = new Audio(url);
  player = { audio, url };
  playing.set(key);
  const clip = placeOfClip(draft.get(), key)?.clip;
  audio.currentTime = clip?.startSeconds ?? 0;
  audio.volume = Math.min(1, clip?.volume ?? 1);
  audio.ontimeupdate = () => {
    if (audio.currentTime >= (placeOfClip(draft.get(), key)?.clip.endSeconds ?? Number.POSITIVE_INFINITY))
      stop();
  };
  audio.onended = stop;
  audio.onerror = stop;
  audio.play().catch(() => stopIf(key));
}
