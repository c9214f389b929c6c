/** The plan of the draft: the service is asked for it, without making anything, a moment after each change. */
import type { ProcessMediaRequest } from '../../client/client.ts';
import { ServiceError } from '../../client/client.ts';
import type { PlanView } from '../../model/answers/render.ts';
import { ask, messageOf } from '../service.ts';
import { createStore } from '../ui/store.ts';
import { type Draft, draft } from './draft.ts';
import { type PlacedMistake, placedMistakes } from './mistakes.ts';
import { requestOf, usedBlocks, withoutPending } from './request.ts';
import { usualVoice, voices } from './voice-list.ts';

export interface PlanState {
  /** The first page, of the draft as it is now unless `isAsking`; null: there is none. */
  plan: PlanView | null;
  isAsking: boolean;
  /** What the service refuses of the draft. */
  mistakes: readonly PlacedMistake[];
  /** Why there is no plan, if that is not for mistakes. */
  problem: string | null;
}

const PAUSE_MS = 400;
const NOTHING: PlanState = { plan: null, isAsking: false, mistakes: [], problem: null };

export const plan = createStore<PlanState>(NOTHING);

let asked = '';
let timer: ReturnType<typeof setTimeout> | undefined;
let asking: AbortController | undefined;

/** Keeps the plan that of the draft, until the result is called. */
export function followDraft(): () => void {
  const look = () => later(draft.get());
  look();
  const back = () => plan.get().problem !== null && askAgain();
  addEventListener('online', back);
  const ends = [draft.follow(look), voices.follow(look), () => removeEventListener('online', back)];
  return () => {
    for (const end of ends) end();
    stop();
  };
}

/** Asks again, such as after the service was away. */
export function askAgain(): void {
  asked = '';
  later(draft.get());
}

/** What the plan is asked for with. */
export function trialOf(now: Draft): ProcessMediaRequest {
  return requestOf(now, { voice: usualVoice(), isTrial: true });
}

function later(now: Draft): void {
  if (usedBlocks(now).length === 0) {
    stop();
    plan.set(NOTHING);
    return;
  }
  const request = trialOf(now);
  const text = JSON.stringify(request);
  // Most changes, such as those while files are sent, make no other plan.
  if (text === asked) return;
  stop();
  asked = text;
  plan.set((state) => ({ ...state, isAsking: true }));
  timer = setTimeout(() => void read(request), PAUSE_MS);
}

function stop(): void {
  clearTimeout(timer);
  asking?.abort();
  asked = '';
}

async function read(request: ProcessMediaRequest): Promise<void> {
  asking = new AbortController();
  const { signal } = asking;
  const state = await answerTo(request, signal);
  if (!signal.aborted) plan.set(state);
}

async function answerTo(request: ProcessMediaRequest, signal: AbortSignal): Promise<PlanState> {
  try {
    const { value } = await ask((client) => client.plan(request, { signal }).next());
    return { ...NOTHING, plan: value ?? null };
  } catch (error) {
    const mistakes = ServiceError.is(error) ? error.mistakes : [];
    if (mistakes.length > 0) return { ...NOTHING, mistakes: placedMistakes(mistakes, draft.get()) };
    return { ...NOTHING, problem: withoutPending(messageOf(error)) };
  }
}
