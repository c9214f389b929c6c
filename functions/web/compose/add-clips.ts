/** The foot of a list: more clips by dropping, choosing or pasting links. */
import { useRef, useState } from 'preact/hooks';
import { html } from '../ui/html.ts';
import { Icon } from '../ui/icons.ts';
import { AddLinks } from './add-links.ts';
import { TRACKS } from './arrange-clips.ts';
import { chosenFiles } from './drop-reading.ts';
import { addDropped } from './intake.ts';

const FILMS = 'video/*,image/png,image/jpeg,image/webp,image/gif,.mkv,.mov,.ts,.mts,.m2ts,.flv,.wmv,.avi';
const SOUNDS = 'audio/*,video/*';

export function AddClips({ list, name, isEmpty }: { list: string; name: string; isEmpty: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const [isPasting, paste] = useState(false);
  const isTracks = list === TRACKS;
  const take = (event: Event) => {
    const { files } = event.target as HTMLInputElement;
    void addDropped(chosenFiles(files), list);
    // So that the same file can be chosen again.
    (event.target as HTMLInputElement).value = '';
  };
  return html`
    <div class=${isEmpty ? 'add-clips empty' : 'add-clips'}>
      ${isEmpty ? html`<p>Drop ${isTracks ? 'music' : 'clips'} here, or</p>` : null}
      <div class="row">
        <button type="button" class="button tight" onClick=${() => input.current?.click()}>
          <${Icon} name="plus" /><${Words} verb="Choose" what="files" isShort=${!isEmpty} name=${name} />
        </button>
        <button type="button" class="button tight" onClick=${() => paste(true)}>
          <${Icon} name="link" /><${Words} verb="Paste" what="links" isShort=${!isEmpty} name=${name} />
        </button>
      </div>
      <input ref=${input} type="file" multiple hidden aria-label=${`Files for ${name}`}
        accept=${isTracks ? SOUNDS : FILMS} onChange=${take} />
      ${isPasting ? html`<${AddLinks} list=${list} name=${name} onClose=${() => paste(false)} />` : null}
    </div>`;
}

/** `Choose files`, or `Files` where there is little room. Screen readers always hear all of `Choose files for Hooks`. */
function Words(props: { verb: string; what: string; isShort: boolean; name: string }) {
  const { verb, what, isShort, name } = props;
  return html`
    <span>
      ${isShort ? html`<span class="hidden">${verb} </span><span class="first-capital">${what}</span>` : `${verb} ${what}`}
      <span class="hidden"> for ${name}</span>
    </span>`;
}
