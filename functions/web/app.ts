/** The frame of the page: its head, and the view that the address names. */
import { useEffect } from 'preact/hooks';
import { Compose } from './compose/compose.ts';
import { KeyDialog } from './key-dialog.ts';
import { keyQuestion } from './service.ts';
import { Settings } from './settings/settings.ts';
import { TaskList } from './tasks/task-list.ts';
import { html } from './ui/html.ts';
import { Said } from './ui/notice.ts';
import { addressOf, type Place, place } from './ui/place.ts';
import { useStore } from './ui/store.ts';
import { Task } from './watch/task.ts';

const TABS: readonly { to: Place; text: string; views: readonly Place['view'][] }[] = [
  { to: { view: 'compose' }, text: 'New', views: ['compose'] },
  { to: { view: 'tasks' }, text: 'Tasks', views: ['tasks', 'task'] },
  { to: { view: 'settings' }, text: 'Settings', views: ['settings'] },
];

export function App() {
  const now = useStore(place);
  useTitle(now.view);
  const isLocked = useStore(keyQuestion, (question) => question !== null);
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to content</a>
    <header class="head">
      <a class="brand" href=${addressOf({ view: 'compose' })}>
        <span class="brand-mark" aria-hidden="true"><i></i><i></i><i></i></span>Every Cut
      </a>
      <nav class="tabs" aria-label="Views">
        ${TABS.map(
          ({ to, text, views }) => html`
            <a href=${addressOf(to)} aria-current=${views.includes(now.view) ? 'page' : undefined}>${text}</a>`,
        )}
      </nav>
    </header>
    <main id="content" tabindex="-1" class=${isLocked ? 'locked' : ''}>
      <${View} place=${now} />
    </main>
    <${KeyDialog} />
    <${Said} />`;
}

function View({ place: now }: { place: Place }) {
  switch (now.view) {
    case 'compose':
      return html`<${Compose} />`;
    case 'tasks':
      return html`<${TaskList} />`;
    case 'task':
      return html`<${Task} key=${now.taskId} taskId=${now.taskId} />`;
    case 'settings':
      return html`<${Settings} />`;
  }
}

/** Names the view in the tab and the history of the browser. A task says itself what it is. */
function useTitle(view: Place['view']): void {
  useEffect(() => {
    const tab = TABS.find(({ to }) => to.view === view);
    document.title = tab === undefined || view === 'compose' ? 'Every Cut' : `${tab.text} · Every Cut`;
  }, [view]);
}

/** The address names views, so a link to a part of the page must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('content')?.focus();
}
