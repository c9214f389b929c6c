/** Which of all combinations are made: rules, and how many at most. */
import { whole } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { memo } from '../ui/memo.ts';
import { useStore } from '../ui/store.ts';
import { typedIn } from '../ui/value.ts';
import { draft, edit, newKey, type Rule } from './draft.ts';
import { Mistakes } from './mistake-list.ts';
import { useNamedBlocks } from './named-blocks.ts';
import { plan } from './plan.ts';
import { placedRule, type UsedBlock } from './request.ts';
import { wordsOf } from './rule-words.ts';
import { Uses } from './uses.ts';

const MOST = 1_000_000;
const ADD_RULE = 'add-rule';

export function Rules() {
  const limit = useStore(draft, (now) => now.limit);
  const rules = useStore(draft, (now) => now.rules);
  const used = useNamedBlocks();
  const selection = useStore(plan, (state) => state.plan?.selection ?? null);
  const add = (kind: Rule['kind']) => edit({ rules: [...rules, { key: newKey(), kind, clips: {} }] });
  const onlyRules = rules.filter(
    (rule) => rule.kind === 'include' && placedRule(rule, used) !== undefined,
  ).length;
  const isSome = limit !== null || rules.length > 0;
  return html`
    <section class="card" aria-labelledby="rules-title">
      <div class="card-head">
        <h2 id="rules-title">Which combinations</h2>
        <p class="muted small">${
          selection === null || !isSome
            ? 'All of them, unless you say otherwise.'
            : `${whole(selection.chosen)} of ${whole(selection.possible)} combinations of clips.`
        }</p>
      </div>
      <div class="stack">
        ${
          rules.length === 0
            ? null
            : html`
              <ol class="rules">
                ${rules.map((rule, at) => html`<${Row} key=${rule.key} rule=${rule} number=${at + 1} used=${used} hasOthers=${onlyRules > 1} />`)}
              </ol>`
        }
        <${Mistakes} at="rules" />
        <div class="row">
          <button type="button" id=${ADD_RULE} class="button" disabled=${used.length === 0} onClick=${() => add('exclude')}>Leave some out</button>
          <button type="button" class="button" disabled=${used.length === 0} onClick=${() => add('include')}>Only make some</button>
        </div>
        <div class="field limit">
          <label for="limit" class="label">Make at most</label>
          <div class="row">
            <input id="limit" type="number" min="1" max=${MOST} step="1" placeholder="all" value=${limit ?? ''}
              aria-describedby="limit-about"
              onInput=${(event: Event) => edit({ limit: limitOf(typedIn(event)) })} />
            <span class="muted small" id="limit-about">combinations of clips, in which each clip is used equally often</span>
          </div>
          <${Mistakes} at="limit" />
        </div>
        ${isSome && selection !== null ? html`<${Uses} selection=${selection} />` : null}
      </div>
    </section>`;
}

interface RowProps {
  rule: Rule;
  /** From 1. */
  number: number;
  used: readonly UsedBlock[];
  hasOthers: boolean;
}

const Row = memo(function Row({ rule, number, used, hasOthers }: RowProps) {
  const change = (changes: Partial<Rule>) =>
    edit(({ rules }) => ({
      rules: rules.map((one) => (one.key === rule.key ? { ...one, ...changes } : one)),
    }));
  const { words, isSent } = wordsOf(rule, used, hasOthers);
  return html`
    <li class="rule">
      <select aria-label=${`What rule ${number} does`} value=${rule.kind}
        onChange=${(event: Event) => change({ kind: typedIn(event) as Rule['kind'] })}>
        <option value="exclude">Leave out</option>
        <option value="include">Only make</option>
      </select>
      ${used.map(
        ({ block, name }) => html`
          <label class="field" key=${block.key}>
            <span>${name}</span>
            <select aria-label=${`${name} of rule ${number}`} value=${rule.clips[block.key] ?? ''}
              onChange=${(event: Event) => change({ clips: { ...rule.clips, [block.key]: typedIn(event) } })}>
              <option value="">any</option>
              ${block.clips.map((clip, at) => html`<option key=${clip.key} value=${clip.key}>${at + 1}. ${clip.name}</option>`)}
            </select>
          </label>`,
      )}
      <button type="button" class="icon-button" aria-label=${`Remove rule ${number}`}
        onClick=${() => remove(rule)}>✕</button>
      <p class=${`small rule-words${isSent ? '' : ' muted'}`}>${words}</p>
      <${Mistakes} at=${`rule:${rule.key}`} />
    </li>`;
});

function remove(rule: Rule): void {
  edit(({ rules }) => ({ rules: rules.filter((one) => one.key !== rule.key) }));
  setTimeout(() => document.getElementById(ADD_RULE)?.focus());
}

function limitOf(text: string): number | null {
  const limit = Math.floor(Number(text));
  return text.trim() === '' || !(limit >= 1) ? null : Math.min(limit, MOST);
}
