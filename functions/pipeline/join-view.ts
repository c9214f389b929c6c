import type { JoinView } from '../model/answers/join.ts';
import type { Join } from '../model/pins.ts';
import type { Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';
import { checkedJoin } from './check-prepared.ts';

/** The decision of a task, for its status and its manifest. */
export async function joinOfTask(task: Task, pins: PinStore): Promise<Join | undefined> {
  const [join] = await pins.read(task.id, ['join']);
  return checkedJoin(join, task);
}

/** As answers show it. */
export function joinView(join: Join | undefined): JoinView {
  return { video: join?.video ?? null, video_reason: join?.video === 'encoded' ? join.reason : null };
}
