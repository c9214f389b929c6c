/** Watches every call that a stage makes to its ports, and kills its own process at the requested one. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Adapters, Instrumentation } from '../../functions/hosts/instrumentation.ts';
import type { Message } from '../../functions/model/messages.ts';
import type { Task } from '../../functions/model/task.ts';
import { labelOf } from './labels.ts';

/**
 * after: when the call has resolved. before: when everything before the call is done, including log lines and files.
 * during: a few milliseconds after the call began. later: during the work between this call and the next.
 */
export type Moment = 'after' | 'before' | 'during' | 'later';

export type Stop =
  /** When a run of that stage has made exactly these calls, whatever the order of the runs. */
  | {
      by: 'sequence';
      stage: string;
      instances: readonly string[];
      /** Stops at the nth of the instances that get there, counted from 1. */
      nth: number;
      /** Stops at the last of these calls; if there are none, before the first call. */
      calls: readonly string[];
      moment: Moment;
    }
  /** At every such call, in later processes as well. */
  | {
      by: 'call';
      stage: string;
      instance: string;
      call: string;
      moment: 'before' | 'after';
    }
  /** When all stages together have made this many calls. */
  | { by: 'count'; calls: number };

export interface RecordedRun {
  stage: string;
  /** What the run is about, the same in every process: "source 2". */
  instance: string;
  /** Instances of one kind are processed alike: "clip". */
  kind: string;
  /** In the order in which they ended. */
  calls: string[];
  /** How many calls had ended when each of them began: fewer than stand before it if it made calls of its own. */
  begun: number[];
}

/** What the child process reports to the harness, one JSON line each. */
export type Event =
  | { log: Record<string, unknown> }
  /** From here on the task may exist. */
  | { creating: string }
  | { finished: string }
  | { run: RecordedRun }
  | { url: string }
  | { killed: string }
  | { quiet: { unfinished: number } };

/** Time after the end of the call or, for 'during', after its beginning. */
const DELAY_MS = { after: 0, before: 0, during: 3, later: 30 } as const satisfies Record<Moment, number>;
/** Calls made by timers, or by whichever delivery is the first in a minute: at unpredictable moments. */
const UNCOUNTED = [
  ...['leases.renew', 'tasks.isCancelled'],
  ...['problems.note', 'problems.clear', 'problems.latest'],
];

export interface Watch {
  instrumentation: Instrumentation;
  /** Number of stages at work. */
  running(): number;
}

interface Run extends RecordedRun {
  taskId: string;
}

export function createWatch(emit: (event: Event) => void, stop?: Stop): Watch {
  const runs = new AsyncLocalStorage<Run>();
  const arrived = new Set<string>();
  let running = 0;
  let made = 0;

  const die = (where: string, afterMs = 0): void => {
    const now = () => {
      emit({ killed: where });
      process.kill(process.pid, 'SIGKILL');
    };
    if (afterMs > 0) setTimeout(now, afterMs);
    else now();
  };

  /**
   * @param calls those made so far, and the next one if the run is `about` to make it
   * @returns a promise that resolves when the run may go on, which a process that dies here never does
   */
  const reach = async (run: Run, calls: readonly string[], about: boolean): Promise<void> => {
    if (stop === undefined) return;
    const where = `${run.stage} of ${run.instance}, call ${calls.length}: ${calls.at(-1) ?? 'none yet'}`;
    if (stop.by === 'count') {
      if (!about && made === stop.calls) die(where);
      return;
    }
    if (stop.stage !== run.stage || about !== (stop.moment === 'before' || stop.moment === 'during')) return;
    if (stop.by === 'call') {
      if (stop.instance !== run.instance || stop.call !== calls.at(-1)) return;
      die(where);
      return;
    }
    if (!stop.instances.includes(run.instance) || !isSame(stop.calls, calls)) return;
    const before = arrived.size;
    arrived.add(`${run.taskId} ${run.instance}`);
    if (arrived.size > before && arrived.size === stop.nth) die(where, DELAY_MS[stop.moment]);
  };

  const observed = async (
    run: Run,
    method: string,
    args: readonly unknown[],
    call: () => Promise<unknown>,
  ): Promise<unknown> => {
    const label = labelOf(method, args);
    const begun = run.calls.length;
    if (method === 'tasks.create') emit({ creating: (args[0] as Task).id });
    await reach(run, [...run.calls, label], true);
    const end = (ending: string): Promise<void> => {
      run.calls.push(`${label}${ending}`);
      run.begun.push(begun);
      made += 1;
      if (method === 'tasks.finish') emit({ finished: args[0] as string });
      return reach(run, run.calls, false);
    };
    let value: unknown;
    try {
      value = await call();
      if (method === 'tasks.get') learnKind(run, value as Task | undefined);
    } catch (error) {
      await end(' (rejected)');
      throw error;
    }
    await end('');
    return value;
  };

  const watched = <P extends object>(port: P, name: string): P =>
    new Proxy(port, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function' || typeof property === 'symbol') return value;
        const method = `${name}.${property}`;
        return (...args: unknown[]) => {
          const call = () => Reflect.apply(value, target, args);
          const run = runs.getStore();
          // Calls outside of stages and calls made by timers are no stop points.
          const isNone = run === undefined || UNCOUNTED.includes(method);
          return isNone ? call() : observed(run, method, args, call);
        };
      },
    });

  return {
    running: () => running,
    instrumentation: {
      adapters: <A extends Adapters>(adapters: A) =>
        Object.fromEntries(
          Object.entries(adapters).map(([name, port]) => [name, watched(port, name)]),
        ) as unknown as A,

      run(stage, work, message) {
        const run = newRun(stage, message);
        running += 1;
        return runs.run(run, async () => {
          try {
            await reach(run, run.calls, false);
            return await work();
          } finally {
            running -= 1;
            if (stop === undefined) {
              const { instance, kind, calls, begun } = run;
              emit({ run: { stage, instance, kind, calls, begun } });
            }
          }
        });
      },
    },
  };
}

function newRun(stage: string, message: Message | undefined): Run {
  return {
    stage,
    instance: instanceOf(message),
    kind: kindOf(message),
    calls: [],
    begun: [],
    taskId: message?.taskId ?? '',
  };
}

function instanceOf(message: Message | undefined): string {
  switch (message?.topic) {
    case undefined:
      return 'all';
    case 'prepare':
      return `source ${message.source}`;
    case 'render':
      return `combination ${message.index}`;
    case 'complete':
      return 'the task';
    case 'webhook':
      return 'the event';
    case 'dead-letter':
      return `the ${message.message.topic} of ${instanceOf(message.message)}`;
  }
}

function kindOf(message: Message | undefined): string {
  // The calls of a dead letter depend on its message, so each dead letter is its own kind.
  return message?.topic === 'dead-letter' ? instanceOf(message) : '';
}

/** The task says whether a source is a clip, a track or a line. */
function learnKind(run: Run, task: Task | undefined): void {
  const source = /^source (\d+)$/.exec(run.instance)?.[1];
  if (source !== undefined) run.kind = task?.plan.sources[Number(source)]?.kind ?? '';
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((call, at) => call === other[at]);
}
