/** The music of a task, and how loud it is. */
import { html } from '../ui/html.ts';
import { useStore } from '../ui/store.ts';
import { AddClips } from './add-clips.ts';
import { TRACKS } from './arrange-clips.ts';
import { ClipList, useDropTarget } from './clip-list.ts';
import { draft, edit } from './draft.ts';
import { Mistakes } from './mistake-list.ts';
import { ModeChoice } from './mode-choice.ts';
import { Notes } from './notes.ts';

export function Music() {
  const tracks = useStore(draft, (now) => now.tracks);
  const { isOver, handlers } = useDropTarget(TRACKS);
  return html`
    <section class=${isOver ? 'card music is-over' : 'card music'} data-list=${TRACKS} aria-labelledby="music-title" ...${handlers}>
      <div class="card-head">
        <div>
          <h2 id="music-title">Music</h2>
          <p class="muted small">It plays under the voice, repeats without a gap and fades out at the end. Leave it empty for none.</p>
        </div>
      </div>
      <${Notes} isTracks=${true} />
      ${tracks.length > 0 ? html`<${ClipList} list=${TRACKS} clips=${tracks} label="Tracks" />` : null}
      <${AddClips} list=${TRACKS} name="music" isEmpty=${tracks.length === 0} />
      ${tracks.length > 1 ? html`<${Mode} />` : null}
      <div class="levels">
        ${tracks.length > 0 ? html`<${MusicLevel} />` : null}
        <${OwnSound} />
      </div>
    </section>`;
}

function Mode() {
  const mode = useStore(draft, (now) => now.tracksMode);
  return html`
    <${ModeChoice} legend="Each video gets" value=${mode} onChange=${(tracksMode: typeof mode) => edit({ tracksMode })}
      random="one of the tracks, by chance" each="every track: a video for each" />
    <${Mistakes} at="tracksMode" />`;
}

function MusicLevel() {
  const level = useStore(draft, (now) => now.musicDb);
  const text = level === 0 ? 'as usual' : `${level > 0 ? '+' : '−'}${Math.abs(level)} dB`;
  return html`
    <label class="field">
      <span>Music level: <output>${text}</output></span>
      <input type="range" min="-20" max="12" step="1" value=${level} aria-valuetext=${text}
        onInput=${(event: InputEvent) => edit({ musicDb: Number((event.target as HTMLInputElement).value) })} />
    </label>`;
}

function OwnSound() {
  const volume = useStore(draft, (now) => now.originalVolume);
  const percent = Math.round(volume * 100);
  const text = percent === 0 ? 'off' : `${percent} %`;
  return html`
    <label class="field">
      <span>Sound of the clips themselves: <output>${text}</output></span>
      <input type="range" min="0" max="100" step="1" value=${percent} aria-valuetext=${text}
        onInput=${(event: InputEvent) => edit({ originalVolume: Number((event.target as HTMLInputElement).value) / 100 })} />
    </label>`;
}
