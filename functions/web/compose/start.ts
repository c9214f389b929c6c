/** Sends the draft. One that waits for its files is sent as soon as they are there. */
import { ServiceError } from '../../client/client.ts';
import { ask, messageOf } from '../service.ts';
import { say } from '../ui/notice.ts';
import { goTo, place } from '../ui/place.ts';
import { createStore } from '../ui/store.ts';
import { type Draft, draft, emptyDraft } from './draft.ts';
import { type PlacedMistake, placedMistakes } from './mistakes.ts';
import { readinessOf } from './readiness.ts';
import { requestOf } from './request.ts';
import { keepLast } from './saved-draft.ts';
import { loadVoices, usualVoice } from './voice-list.ts';

export interface Starting {
  state: 'idle' | 'waiting' | 'sending';
  mistakes: readonly PlacedMistake[];
  problem: string | null;
}

const IDLE: Starting = { state: 'idle', mistakes: [], problem: null };

export const starting = createStore<Starting>(IDLE);

let unfollow: (() => void) | undefined;

/** At once, or when all files are sent. */
export function start(): void {
  if (starting.get().state !== 'idle') return;
  unfollow?.();
  starting.set({ ...IDLE, state: 'waiting' });
  unfollow = draft.follow(look);
  look();
}

/** While it waits. */
export function waitNoMore(): void {
  unfollow?.();
  starting.set(IDLE);
}

function look(): void {
  const now = draft.get();
  const readiness = readinessOf(now);
  if (readiness.state === 'sending') return;
  unfollow?.();
  if (readiness.state === 'lacking') fail({ problem: readiness.reason, mistakes: [] });
  else void send(now);
}

async function send(now: Draft): Promise<void> {
  starting.set({ ...IDLE, state: 'sending' });
  try {
    // A line without a voice gets the first one.
    if (now.lines.some(({ voice }) => voice.trim() === '')) await loadVoices();
    const request = requestOf(now, { voice: usualVoice(), isTrial: false });
    const idempotencyKey = keyOf(now.id, JSON.stringify(request));
    const { task_id: taskId } = await ask((client) => client.submit(request, { idempotencyKey }));
    const isHere = place.get().view === 'compose';
    keepLast(now);
    draft.set(emptyDraft());
    starting.set(IDLE);
    if (isHere) goTo({ view: 'task', taskId });
    else say(`“${request.task_name}” was started.`);
  } catch (error) {
    const mistakes = placedMistakes(ServiceError.is(error) ? error.mistakes : [], now);
    fail({ mistakes, problem: mistakes.length > 0 ? null : messageOf(error) });
  }
}

/** Until the next change, which may mend it. */
function fail(why: Omit<Starting, 'state'>): void {
  starting.set({ ...why, state: 'idle' });
  unfollow = draft.follow(waitNoMore);
}

/** The same for the same draft, so that one whose answer was lost is not made twice; another one once it was changed. */
function keyOf(id: string, text: string): string {
  let [one, other] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at++) {
    one = Math.imul(one ^ text.charCodeAt(at), 2654435761);
    other = Math.imul(other ^ text.charCodeAt(at), 1597334677);
  }
  return `page-${id}-${(one >>> 0).toString(16)}${(other >>> 0).toString(16)}`;
}
