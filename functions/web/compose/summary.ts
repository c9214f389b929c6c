/** What comes of the draft, and the button that starts it. */
import { useEffect, useState } from 'preact/hooks';
import { count, dollars, duration, whole } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import { Notice } from '../ui/notice.ts';
import { useStore } from '../ui/store.ts';
import { formulaOf, quickCount } from './counts.ts';
import { type Draft, draft, edit } from './draft.ts';
import { type Estimate, estimateOf, longest } from './estimate.ts';
import { lookAtMachine, processors } from './machine.ts';
import { AllMistakes, Mistakes } from './mistake-list.ts';
import { askAgain, followDraft, type PlanState, plan } from './plan.ts';
import { PlanDialog } from './plan-table.ts';
import { emptyBlocks } from './readiness.ts';
import { placeOfRemark, sentence } from './remarks.ts';
import { nameOf, withoutPending } from './request.ts';
import { StartButton } from './start-button.ts';

export function Summary() {
  const now = useStore(draft);
  const state = useStore(plan);
  const cores = useStore(processors);
  const [isOpen, open] = useState(false);
  const [isListed, list] = useState(false);
  useEffect(followDraft, []);
  useEffect(() => void lookAtMachine(), []);

  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === 'Escape' && !isListed) open(false);
  };

  const selection = state.plan?.selection ?? null;
  const videos = selection !== null && !state.isAsking ? selection.videos : quickCount(now);
  const work = state.plan?.estimate ?? null;
  const estimate =
    selection === null || work === null
      ? null
      : estimateOf({ draft: now, selection, work, processors: cores });
  return html`
    <aside class=${`card summary${isOpen ? ' open' : ''}`} aria-labelledby="summary-title" onKeyDown=${onKeyDown}>
      <h2 id="summary-title" class="summary-title">Summary</h2>
      <div class="summary-top">
        <p class=${`summary-count${state.isAsking ? ' asking' : ''}`} aria-live="polite">
          <strong>${whole(videos)}</strong> ${videos === 1 ? 'video' : 'videos'}
        </p>
        <p class="muted small summary-formula">${formulaOf(now, selection)}</p>
        <button type="button" class="button tight summary-toggle" aria-expanded=${isOpen} aria-controls="summary-rest"
          onClick=${() => open(!isOpen)}>${isOpen ? 'Less' : 'Details'}</button>
      </div>
      <div id="summary-rest" class="summary-rest">
        <label class="field">
          <span>Name</span>
          <input type="text" maxlength="200" placeholder=${nameOf({ ...now, name: '' })} value=${now.name}
            onInput=${(event: InputEvent) => edit({ name: (event.target as HTMLInputElement).value })} />
        </label>
        ${estimate === null ? null : html`<${Facts} estimate=${estimate} characters=${work?.speech_characters ?? 0} />`}
        <${Mistakes} at="name" />
        <${Remarks} state=${state} draft=${now} onGo=${() => open(false)} />
        ${
          selection === null
            ? null
            : html`<button type="button" class="button" onClick=${() => list(true)}>See every video</button>`
        }
      </div>
      <${StartButton} videos=${videos} />
      ${isListed && state.plan !== null ? html`<${PlanDialog} first=${state.plan} onClose=${() => list(false)} />` : null}
    </aside>`;
}

function Facts({ estimate, characters }: { estimate: Estimate; characters: number }) {
  const { videoSeconds, unknownClips, seconds, usd } = estimate;
  return html`
    <dl class="facts">
      <div><dt>Length in all</dt><dd>${duration(videoSeconds)}</dd></div>
      ${characters > 0 ? html`<div><dt>Spoken</dt><dd>${count(characters, 'character')}</dd></div>` : null}
      <div><dt>Ready in</dt><dd>up to ${longest(seconds)}</dd></div>
      <div><dt>Cost</dt><dd>${usd === 0 ? 'nothing' : `about ${dollars(usd)}`}</dd></div>
    </dl>
    ${
      unknownClips > 0
        ? html`<p class="muted small">${count(unknownClips, 'clip')} of unknown length: counted as 5 s each.</p>`
        : null
    }`;
}

/** What the service remarks or refuses, and what is left out. */
function Remarks({ state, draft: now, onGo }: { state: PlanState; draft: Draft; onGo: () => void }) {
  const warnings = (state.plan?.warnings ?? [])
    .filter((warning) => placeOfRemark(warning) === 'summary')
    .map((warning) => sentence(withoutPending(warning)));
  const left = emptyBlocks(now);
  return html`
    ${
      state.problem === null
        ? null
        : html`
          <${Notice} kind="bad">${state.problem}<//>
          <button type="button" class="button tight" onClick=${askAgain}>Ask again</button>`
    }
    <${AllMistakes} onGo=${onGo} />
    ${
      left.length === 0
        ? null
        : html`<p class="muted small">${left.map((name) => `“${name}”`).join(' and ')} ${left.length === 1 ? 'has' : 'have'} no clips yet: left out.</p>`
    }
    ${warnings.length === 0 ? null : html`<${Warnings} warnings=${warnings} />`}`;
}

function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 1) return html`<${Notice} kind="warn">${warnings[0]}<//>`;
  return html`
    <details class="notice warn">
      <summary>${count(warnings.length, 'remark')}</summary>
      <ul class="remarks">${warnings.map((warning) => html`<li key=${warning}>${warning}</li>`)}</ul>
    </details>`;
}
