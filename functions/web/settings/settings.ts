/** The view of the settings: what the service was started with. They are changed where it is started. */
import { useEffect, useState } from 'preact/hooks';
import type { SettingsView } from '../../model/answers/settings.ts';
import { apiKey, ask, forgetKey, messageOf } from '../service.ts';
import { count } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Notice, say } from '../ui/notice.ts';
import { goTo } from '../ui/place.ts';
import { useStore } from '../ui/store.ts';
import { type Setting, settingGroups, shownValue } from './groups.ts';

export function Settings() {
  const [answer, setAnswer] = useState<SettingsView | null>(null);
  const [problem, setProblem] = useState('');
  const [search, setSearch] = useState('');
  const hasKey = useStore(apiKey) !== undefined;
  const load = () => {
    setProblem('');
    ask((client) => client.settings())
      .then(setAnswer)
      .catch((error: unknown) => setProblem(messageOf(error)));
  };
  useEffect(load, []);
  return html`
    <div class="stack settings">
      <div class="settings-head">
        <div>
          <h1>Settings</h1>
          <p class="muted">
            ${answer === null ? 'What this service was started with.' : `Every Cut ${answer.version}.`} Change them in the
            file <code>.env</code> or the environment of the service, and start it again.${' '}
            <a href="docs">All addresses of the service</a>${hasKey ? ', which take the key from this tab: a new tab asks for it' : ''}.
          </p>
        </div>
        ${hasKey ? html`<${Key} />` : null}
      </div>
      ${
        problem === ''
          ? null
          : html`<${Notice} kind="bad">${problem}<//>
              <p><button type="button" class="button" onClick=${load}>Try again</button></p>`
      }
      ${answer === null ? null : html`<${Found} settings=${answer.settings} search=${search} onSearch=${setSearch} />`}
    </div>`;
}

function Key() {
  const forget = () => {
    forgetKey();
    say('The key is forgotten');
    goTo({ view: 'compose' });
  };
  return html`<button type="button" class="button" onClick=${forget}>Forget the key</button>`;
}

interface FoundProps {
  settings: readonly Setting[];
  search: string;
  onSearch: (search: string) => void;
}

function Found({ settings, search, onSearch }: FoundProps) {
  const groups = settingGroups(settings, search);
  const found = groups.reduce((sum, { entries }) => sum + entries.length, 0);
  return html`
    <div class="row settings-search">
      <label class="field">
        <span>Search</span>
        <input type="search" autocomplete="off" value=${search} placeholder="voice"
          onInput=${({ target }: Event) => onSearch((target as HTMLInputElement).value)} />
      </label>
      <span class="muted small" role="status">${count(found, 'setting')}</span>
    </div>
    ${groups.map(
      ({ title, entries }) => html`
        <section class="card" key=${title} aria-label=${title}>
          <h2>${title}</h2>
          <dl class="settings-table">${entries.map((setting) => html`<${Row} key=${setting.name} setting=${setting} />`)}</dl>
        </section>`,
    )}`;
}

function Row({ setting }: { setting: Setting }) {
  const { text, isDefault } = shownValue(setting);
  return html`
    <div class="setting">
      <dt><code>${setting.name}</code></dt>
      <dd class="setting-value">
        <span class=${isDefault ? 'muted' : 'setting-own'}>${text}</span>
        ${isDefault && text !== 'not set' ? html`<span class="muted small"> by default</span>` : null}
        ${
          !isDefault && setting.default !== ''
            ? html`<span class="muted small"> instead of ${setting.default}</span>`
            : null
        }
      </dd>
      <dd class="muted">${setting.about}</dd>
    </div>`;
}
