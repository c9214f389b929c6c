/** How long a task has made no progress, counted in the time in which somebody looked. */
import type { Memo } from '../ports/memo.ts';
import { idleKey } from './lease-keys.ts';

export interface IdleRecord {
  /** Any change of the two is progress. */
  reports: number;
  /** Not looked at, and undefined, if the reports have changed. */
  pins?: number | undefined;
  idleMs: number;
  /** When somebody looked last, milliseconds since the epoch. */
  at: number;
}

export interface Look {
  reports: number;
  countPins: () => Promise<number>;
  /** Milliseconds since the epoch. */
  now: number;
  /** The time between two looks. A longer gap counts as this long, because the host was off or asleep. */
  everyMs: number;
}

/** In place of a record: the task is being ended, and the reports of that are no progress. */
const ENDING = 'ending';

/**
 * Milliseconds without progress so far. The count is kept in a memo and not as a rest, because rests are forgotten after
 * an hour: a laptop that sleeps every night would never reach the end of a day.
 */
export async function idleTime(
  memo: Memo,
  taskId: string,
  { reports, countPins, now, everyMs }: Look,
): Promise<number> {
  const key = idleKey(taskId);
  const [text] = await memo.recall([key]);
  if (text === ENDING) return Number.POSITIVE_INFINITY;
  const known = recordIn(text);
  const pins = known?.reports === reports ? await countPins() : undefined;
  const isSame = pins !== undefined && (known?.pins ?? pins) === pins;
  const idleMs =
    isSame && known !== undefined ? known.idleMs + Math.min(Math.max(0, now - known.at), everyMs) : 0;
  await memo.remember(key, JSON.stringify({ reports, pins, idleMs, at: now } satisfies IdleRecord));
  return idleMs;
}

/** Undefined for anything else: counting from the beginning is better than never ending the task. */
function recordIn(text: string | undefined): IdleRecord | undefined {
  try {
    const record = JSON.parse(text ?? '') as IdleRecord | null;
    return Number.isFinite(record?.idleMs) && Number.isFinite(record?.at) ? (record ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

/** From now on, the time without progress is endless, so that a process that dies while it ends the task ends it later. */
export async function endIdleTime(memo: Memo, taskId: string): Promise<void> {
  await memo.remember(idleKey(taskId), ENDING);
}
