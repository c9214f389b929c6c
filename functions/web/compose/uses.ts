/** How often each clip of the plan is used, as bars. */

import { useState } from 'preact/hooks';
import type { PlanView } from '../../model/answers/render.ts';
import { html } from '../ui/html.ts';

/** Of a block; nobody reads more. */
const MOST = 100;

interface UsesProps {
  selection: NonNullable<PlanView['selection']>;
}

/** Drawn once somebody wants to see it. */
export function Uses({ selection }: UsesProps) {
  const [isOpen, open] = useState(false);
  const onToggle = (event: Event) => open((event.target as HTMLDetailsElement).open);
  return html`
    <details onToggle=${onToggle}>
      <summary>How often each clip is used</summary>
      ${isOpen ? html`<${Bars} selection=${selection} />` : null}
    </details>`;
}

function Bars({ selection }: UsesProps) {
  const most = Math.max(1, ...selection.blocks.flatMap(({ clips }) => clips.map(({ uses }) => uses)));
  return html`
    <div class="uses">
      ${selection.blocks.map(
        ({ name, clips }) => html`
          <section key=${name}>
            <h3>${name}</h3>
            <ul tabindex=${clips.length > 6 ? 0 : undefined} aria-label=${clips.length > 6 ? `Clips of ${name}` : undefined}>
              ${clips.slice(0, MOST).map(
                (clip) => html`
                  <li class=${clip.uses === 0 ? 'unused' : ''}>
                    <span class="uses-name" title=${clip.name}>${clip.name}</span>
                    <span>${clip.uses === 0 ? 'not used' : `${clip.uses} ×`}</span>
                    <span class="bar" aria-hidden="true"><i style=${{ width: `${(100 * clip.uses) / most}%` }}></i></span>
                  </li>`,
              )}
              ${clips.length > MOST ? html`<li class="muted">and ${clips.length - MOST} more</li>` : null}
            </ul>
          </section>`,
      )}
    </div>`;
}
