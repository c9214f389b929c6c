/** The top of a task: its name, how far it is, and what can be done with it. */
import type { StatusView } from '../../model/answers/task.ts';
import { statusTag } from '../task-status.ts';
import { copyText } from '../ui/copy.ts';
import { when } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { addressOf } from '../ui/place.ts';
import { Actions, type ActionsProps } from './actions.ts';
import { Cost } from './cost.ts';
import { Progress } from './progress.ts';

export interface HeadProps extends ActionsProps {
  /** The service does not answer now. */
  isAway: boolean;
}

export function Head(props: HeadProps) {
  const { status, isAway } = props;
  const { text, kind } = statusTag(status.status);
  return html`
    <section class="card watch-head">
      <div class="watch-title">
        <h1>${status.task_name}</h1>
        <span class=${`tag ${kind}`}>${text}</span>
      </div>
      <p class="muted small">
        Started ${when(status.created_at)}
        ${
          status.retry_of === null
            ? null
            : html` · makes again what failed in <a href=${addressOf({ view: 'task', taskId: status.retry_of })}>the first task</a>`
        }
      </p>
      <${Progress} status=${status} />
      ${isAway ? html`<p class="muted" role="status">The service does not answer; trying again.</p>` : null}
      ${status.problem === null ? null : html`<${Problem} problem=${status.problem} />`}
      <${Place} folder=${status.output_folder} />
      ${status.completed_at === null ? null : html`<${Cost} taskId=${status.task_id} />`}
      <${Event} webhook=${status.webhook} />
      <${Warnings} warnings=${status.warnings} />
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
    <p class="watch-place">
      <span class="label">Folder</span>
      ${isOnWeb ? html`<a href=${folder} target="_blank" rel="noreferrer">${folder}</a>` : html`<code>${folder}</code>`}
      <button type="button" class="button quiet tight" onClick=${() => copyText(folder, 'Folder copied')}>Copy folder</button>
    </p>`;
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

function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) return null;
  return html`
    <details class="watch-warnings">
      <summary>${warnings.length === 1 ? '1 remark' : `${warnings.length} remarks`}</summary>
      <ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>
    </details>`;
}
