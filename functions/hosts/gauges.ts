/** The gauges of a host that does all the work alone. They are read only when metrics are collected. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { keptFor } from '../base/looks.ts';
import { observe } from '../base/telemetry/metrics.ts';
import { type Figures, PLACES } from '../http/stats.ts';
import type { Topic } from '../model/messages.ts';
import type { TaskStore } from '../ports/tasks.ts';

/** Each timer of the delay wakes the process, and what is shorter disturbs nobody. */
const RESOLUTION_MS = 20;
/** All gauges are read together. With 100,000 messages, a look at the queue holds up other work for 20 ms. */
const SAME_LOOK_MS = 100;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/** Until it is disposed of. A gauge that cannot be read is missing, and the others are there. */
export function observeHost(figures: Figures, tasks: Pick<TaskStore, 'countOpen'>): Disposable {
  const gauges = new DisposableStack();
  const queue = keptFor(SAME_LOOK_MS, async () => figures.queue());
  gauges.use(observe('every_cut.queue.depth', async () => queueDepth(await queue())));
  gauges.use(observe('every_cut.queue.oldest_age', async () => oldestAges(await queue())));
  gauges.use(observe('every_cut.tasks.running', async () => [{ value: await tasks.countOpen() }]));
  gauges.use(observe('every_cut.places.used', () => placesOf(figures, 'used')));
  gauges.use(observe('every_cut.places.limit', () => placesOf(figures, 'limit')));
  gauges.use(observe('every_cut.cache.usage', () => cacheOf(figures, 'bytes')));
  gauges.use(observe('every_cut.cache.limit', () => cacheOf(figures, 'limitBytes')));
  gauges.use(observe('system.filesystem.usage', () => diskUsage(figures)));
  gauges.use(observeProcess());
  return gauges;
}

function queueDepth(queue: ReturnType<Figures['queue']>) {
  return topicsOf(queue).flatMap(([topic, { waiting, inFlight, quarantined }]) =>
    Object.entries({ waiting, in_flight: inFlight, quarantined }).map(([state, value]) => ({
      value,
      attributes: { 'messaging.destination.name': topic, 'every_cut.queue.state': state },
    })),
  );
}

function oldestAges(queue: ReturnType<Figures['queue']>) {
  return topicsOf(queue).map(([topic, { oldestMs }]) => ({
    value: oldestMs / 1000,
    attributes: { 'messaging.destination.name': topic },
  }));
}

function topicsOf<T>(queue: Record<Topic, T>): [string, T][] {
  return Object.entries(queue);
}

function placesOf({ places }: Figures, what: 'used' | 'limit') {
  const all = places();
  return PLACES.map((place) => ({ value: all[place][what], attributes: { 'every_cut.place': place } }));
}

async function cacheOf({ cache }: Figures, what: 'bytes' | 'limitBytes') {
  const usage = await cache();
  return usage === undefined ? [] : [{ value: usage[what] }];
}

async function diskUsage({ disk }: Figures) {
  return Object.entries(await disk()).flatMap(([folder, space]) => {
    if (space === undefined) return [];
    const states = { used: space.total - space.free, free: space.free };
    return Object.entries(states).map(([state, value]) => ({
      value,
      attributes: { 'every_cut.folder': folder, 'system.filesystem.state': state },
    }));
  });
}

function observeProcess(): Disposable {
  const gauges = new DisposableStack();
  gauges.use(
    observe('process.cpu.time', () => {
      const { user, system } = process.cpuUsage();
      return Object.entries({ user, system }).map(([mode, time]) => ({
        value: time / MICROSECONDS,
        attributes: { 'cpu.mode': mode },
      }));
    }),
  );
  gauges.use(observe('process.memory.usage', () => [{ value: process.memoryUsage.rss() }]));
  gauges.use(observe('process.uptime', () => [{ value: process.uptime() }]));
  gauges.use(observeDelay());
  return gauges;
}

/** Measured from the first look on, so that a host that nobody looks at does not wake for it. */
function observeDelay(): Disposable {
  let delays: ReturnType<typeof monitorEventLoopDelay> | undefined;
  const gauge = observe('nodejs.eventloop.delay.p99', () => {
    if (delays === undefined) {
      delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      delays.enable();
      return [];
    }
    if (delays.count === 0) return [];
    // Of the times from one timer to the next.
    const value = Math.max(0, delays.percentile(99) / NANOSECONDS - RESOLUTION_MS / 1000);
    delays.reset();
    return [{ value }];
  });
  return {
    [Symbol.dispose]() {
      gauge[Symbol.dispose]();
      delays?.disable();
    },
  };
}
