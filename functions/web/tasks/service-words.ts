/** What the service does now, in a few words. */
import type { StatsView } from '../../model/answers/stats.ts';
import { count, size } from '../ui/format.ts';

export function serviceWords({ tasks, queue, disk }: StatsView): string[] {
  const of = (topic: { waiting: number; in_flight: number } | undefined, what: string) => {
    const left = topic === undefined ? 0 : topic.waiting + topic.in_flight;
    return left === 0 ? [] : [`${count(left, what)} to ${what === 'source' ? 'prepare' : 'make'}`];
  };
  const free = disk?.output?.free_bytes;
  return [
    tasks.unfinished === 0 ? 'Nothing to make now' : `${count(tasks.unfinished, 'task')} under way`,
    ...of(queue?.prepare, 'source'),
    ...of(queue?.render, 'video'),
    ...(free === undefined ? [] : [`${size(free)} free for videos`]),
  ];
}
