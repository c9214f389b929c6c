import type { JoinView } from '../model/answers/join.ts';
import type { Join } from '../model/pins.ts';
import type { Plan } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';
import { checkedJoin } from './check-prepared.ts';

/** The decision of a task, for its status and its manifest. */
export async function joinOfTask(task: Task, pins: PinStore): Promise<Join | undefined> {
  const [join] = await pins.read(task.id, ['join']);
  return checkedJoin(join, task);
}

/** As answers show it. */
export function joinView(join: Join | undefined, plan: Pick<Plan, 'formats'>): JoinView {
  if (join?.video !== 'copied') return { video: join?.video ?? null, video_reason: join?.reason ?? null };
  const reason = mixedReason(join, plan);
  return { video: reason === null ? 'copied' : 'mixed', video_reason: reason };
}

/** In which formats clips are encoded, although they are copied in others; null if there is none. */
export function mixedReason(
  { formats: copied = [] }: Copied,
  { formats = [] }: Pick<Plan, 'formats'>,
): string | null {
  const names = (isCopied: boolean) =>
    formats.flatMap(({ name }, format) => (copied.includes(format) === isCopied ? [name] : [])).join(', ');
  const encoded = names(false);
  return encoded === ''
    ? null
    : `copied in ${names(true)}, encoded in ${encoded}: the clips have another size`;
}

type Copied = Extract<Join, { video: 'copied' }>;
