/** The view in which a task is put together: what goes in on one side, what comes out of it on the other. */
import { html } from '../ui/html.ts';
import { Blocks } from './blocks.ts';
import { Captions } from './captions.ts';
import { Formats } from './formats.ts';
import { Lines } from './lines.ts';
import { Music } from './music.ts';
import { Rules } from './rules.ts';
import { Summary } from './summary.ts';

export function Compose() {
  return html`
    <div class="compose">
      <div class="compose-parts">
        <${Blocks} />
        <${Music} />
        <${Lines} />
        <${Formats} />
        <${Captions} />
        <${Rules} />
      </div>
      <${Summary} />
    </div>`;
}
