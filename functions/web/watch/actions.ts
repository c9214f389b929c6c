/** What can be done with a task as a whole. */
import { useState } from 'preact/hooks';
import type { Client } from '../../client/client.ts';
import type { StatusView } from '../../model/answers/task.ts';
import { ask, messageOf } from '../service.ts';
import { forgetTask } from '../tasks/forget-task.ts';
import { Confirm } from '../ui/confirm.ts';
import { copyText } from '../ui/copy.ts';
import { count } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Notice, say } from '../ui/notice.ts';
import { goTo } from '../ui/place.ts';
import { manifestLink, type Token, zipLink } from './links.ts';

export interface ActionsProps {
  status: StatusView;
  token: Token;
  /** Indexes of finished videos. */
  starred: readonly number[];
  /** Called with what the service answered. */
  onStatus: (status: StatusView) => void;
}

export function Actions({ status, token, starred, onStatus }: ActionsProps) {
  const { task_id: id, status: now, succeeded, failed, webhook } = status;
  const [asked, askFor] = useState<'cancel' | 'delete' | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [mistake, setMistake] = useState('');
  const isOver = status.completed_at !== null;
  // Before it is known which token they need, links to files lead nowhere.
  const isRead = isOver && token !== undefined;
  const run = async (work: (client: Client) => Promise<void>) => {
    setBusy(true);
    setMistake('');
    try {
      await ask(work);
    } catch (error) {
      setMistake(messageOf(error));
    }
    setBusy(false);
  };
  const cancel = async () => onStatus(await ask((client) => client.cancel(id)));
  const retry = () => run(async (client) => goTo({ view: 'task', taskId: (await client.retry(id)).task_id }));
  const send = () =>
    run(async (client) => {
      onStatus(await client.sendWebhook(id));
      say('The event is being sent');
    });
  const remove = async () => {
    await forgetTask(id);
    goTo({ view: 'tasks' });
  };
  return html`
    ${mistake === '' ? null : html`<${Notice} kind="bad">${mistake}<//>`}
    <div class="watch-actions">
      ${
        isRead && succeeded > 0
          ? html`<a class="button primary" href=${zipLink(id, token)} download>Download all (zip)</a>`
          : null
      }
      ${
        isRead && starred.length > 0
          ? html`<a class="button" href=${zipLink(id, token, starred)} download>Download starred (${starred.length})</a>`
          : null
      }
      ${
        isOver && failed > 0
          ? html`<button type="button" class="button" disabled=${isBusy} onClick=${retry}>Retry ${count(failed, 'failed video')}</button>`
          : null
      }
      ${
        isRead
          ? html`
        <a class="button quiet" href=${manifestLink(id, 'csv', token)} download>Manifest CSV</a>
        <a class="button quiet" href=${manifestLink(id, 'json', token)} download>Manifest JSON</a>`
          : null
      }
      ${isOver && webhook !== null ? html`<button type="button" class="button quiet" disabled=${isBusy} onClick=${send}>Send event again</button>` : null}
      <button type="button" class="button quiet" onClick=${() => copyText(location.href, 'Link to this task copied')}>Copy link to this task</button>
      <span class="watch-space"></span>
      ${
        isOver
          ? html`<button type="button" class="button danger" disabled=${isBusy} onClick=${() => askFor('delete')}>Delete</button>`
          : html`<button type="button" class="button danger" disabled=${isBusy || now === 'cancelling'}
              onClick=${() => askFor('cancel')}>${now === 'cancelling' ? 'Cancelling …' : 'Cancel'}</button>`
      }
    </div>
    ${
      asked === 'cancel'
        ? html`<${Confirm} title="Cancel this task?" yes="Cancel the task" no="Go on" onYes=${cancel} onClose=${() => askFor(null)}>
          ${count(status.pending, 'video')} will not be made. Videos that are finished stay.
        <//>`
        : null
    }
    ${
      asked === 'delete'
        ? html`<${Confirm} title="Delete this task?" yes="Delete the task" no="Keep it" onYes=${remove} onClose=${() => askFor(null)}>
          The service forgets the task, and this browser its stars. The videos stay in their folder.
        <//>`
        : null
    }`;
}
