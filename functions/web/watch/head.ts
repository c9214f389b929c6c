/** The top of a task: its name, how far it is, and what can be done with it. */
import { useId, useState } from 'preact/hooks';
import type { StatusView } from '../../model/answers/task.ts';
import { statusTag } from '../task-status.ts';
import { copyText } from '../ui/copy.ts';
import { count, when } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Icon } from '../ui/icons.ts';
import { Notice } from '../ui/notice.ts';
import { addressOf } from '../ui/place.ts';
import { Actions, type ActionsProps } from './actions.ts';
import { Cost } from './cost.ts';
import { Figures, Progress } from './progress.ts';

export interface HeadProps extends ActionsProps {
  /** The service does not answer now. */
  isAway: boolean;
}

export function Head(props: HeadProps) {
  const { status, isAway } = props;
  const { text, kind } = statusTag(status.status);
  const { warnings } = status;
  const remarks = useId();
  const [isTold, tell] = useState(false);
  return html`
    <section class="card watch-head">
      <div class="watch-title">
        <h1>${status.task_name}</h1>
        <span class=${`tag ${kind}`}>${text}</span>
        <p class="muted small">
        Started ${when(status.created_at)}
        ${
          status.retry_of === null
            ? null
            : html` · makes again what failed in <a href=${addressOf({ view: 'task', taskId: status.retry_of })}>the first task</a>`
        }
        </p>
      </div>
      <${Progress} status=${status} />
      <dl class="watch-figures">
        <${Figures} status=${status} />
        ${status.completed_at === null ? null : html`<${Cost} taskId=${status.task_id} />`}
        <${Place} folder=${status.output_folder} />
        ${
          warnings.length === 0
            ? null
            : html`
        <div>
          <dt>Remarks</dt>
          <dd><button type="button" class="button tight" aria-expanded=${isTold} aria-controls=${remarks}
            onClick=${() => tell(!isTold)}>${isTold ? 'Hide' : 'Show'} ${count(warnings.length, 'remark')}</button></dd>
        </div>`
        }
      </dl>
      <ul id=${remarks} class="watch-remarks" hidden=${!isTold}>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>
      ${isAway ? html`<p class="muted" role="status">The service does not answer; trying again.</p>` : null}
      ${status.problem === null ? null : html`<${Problem} problem=${status.problem} />`}
      <${Event} webhook=${status.webhook} />
      <${Actions} ...${props} />
    </section>`;
}

function Problem({ problem }: { problem: NonNullable<StatusView['problem']> }) {
  const { message, hint, since, next_try_at: next } = problem;
  const isSoon = next !== null && Date.parse(next) <= Date.now();
  const again = next === null ? '' : isSoon ? ' It is tried again now.' : ` Next try: ${clock(next)}.`;
  return html`<${Notice} kind="warn">${message} ${hint} Since ${clock(since)}.${again}<//>`;
}

function clock(time: string): string {
  return new Date(time).toLocaleTimeString(undefined, { timeStyle: 'medium' });
}

function Place({ folder }: { folder: string }) {
  const isOnWeb = folder.startsWith('https:');
  return html`
    <div class="watch-place">
      <dt>Folder</dt>
      <dd class="watch-folder">
        ${isOnWeb ? html`<a href=${folder} target="_blank" rel="noreferrer">${folder}</a>` : html`<code>${folder}</code>`}
        <button type="button" class="icon-button" aria-label="Copy folder" title="Copy"
          onClick=${() => copyText(folder, 'Folder copied')}><${Icon} name="copy" /></button>
      </dd>
    </div>`;
}

function Event({ webhook }: { webhook: StatusView['webhook'] }) {
  if (webhook === null) return null;
  const { url, state, error, attempts } = webhook;
  const said = {
    waiting: 'is sent when the task has ended',
    pending: attempts === 0 ? 'is being sent' : 'was not delivered yet; it is sent again',
    delivered: 'was delivered',
    failed: 'was given up',
  }[state];
  return html`<p class="small muted">The event for ${url} ${said}.${error === null ? '' : ` ${error}`}</p>`;
}
