/**
 * Watches every call that a stage makes to its ports, and ends its own process, without a word, at the one that was
 * asked for.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Adapters, Instrumentation } from '../../functions/hosts/instrumentation.ts';
import type { Message } from '../../functions/model/messages.ts';
import type { Task } from '../../functions/model/task.ts';
import { labelOf } from './labels.ts';

/**
 * after: when the call has resolved. before: when all that comes before it is done, log lines and files included.
 * during: a few milliseconds after it began. later: while the work between this call and the next is under way.
 */
export type Moment = 'after' | 'before' | 'during' | 'later';

export type Stop =
  /** When a run of that stage has made exactly these calls: the same point whatever the order of the runs. */
  | {
      by: 'sequence';
      stage: string;
      instances: readonly string[];
      /** The how-manieth of the instances to get there, from 1. */
      nth: number;
      /** The last one is the one to stop at; none: before the first. */
      calls: readonly string[];
      moment: Moment;
    }
  /** At every such call, also in later runs. */
  | {
      by: 'call';
      stage: string;
      instance: string;
      call: string;
      moment: 'before' | 'after';
    }
  /** When all stages together have made so many calls. */
  | { by: 'count'; calls: number };

export interface RecordedRun {
  stage: string;
  /** What the run is about, the same in every process: "source 2". */
  instance: string;
  /** Instances of one kind are made alike: "clip". */
  kind: string;
  calls: string[];
}

/** What the child process tells the harness, one JSON line each. */
export type Event =
  | { log: Record<string, unknown> }
  /** A task may exist from here on. */
  | { creating: string }
  | { finished: string }
  | { run: RecordedRun }
  | { url: string }
  | { killed: string }
  | { quiet: { unfinished: number } };

/** How long after the call ended, or, for 'during', began. */
const DELAY_MS = { after: 0, before: 0, during: 3, later: 30 } as const satisfies Record<Moment, number>;
/** Made by timers, whenever they fall due. */
const UNCOUNTED = ['leases.renew', 'tasks.isCancelled'];

export interface Watch {
  instrumentation: Instrumentation;
  /** Stages at work. */
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
   * `calls` as far as the run has come, or, where it is `about`, with the call that it is about to make. Resolves when
   * the run may go on: those who die over a call never get that far.
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
    if (method === 'tasks.create') emit({ creating: (args[0] as Task).id });
    await reach(run, [...run.calls, label], true);
    const end = (ending: string): Promise<void> => {
      run.calls.push(`${label}${ending}`);
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
          // What a host does outside its stages, and what answers at once, asks nothing of the other side.
          return run === undefined || UNCOUNTED.includes(method) ? call() : observed(run, method, args, call);
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
              const { instance, kind, calls } = run;
              emit({ run: { stage, instance, kind, calls } });
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
    case 'dead-letter':
      return `the ${message.message.topic} of ${instanceOf(message.message)}`;
  }
}

function kindOf(message: Message | undefined): string {
  // Each dead letter has a history of its own.
  return message?.topic === 'dead-letter' ? instanceOf(message) : '';
}

/** Clip, track or line: the task tells. */
function learnKind(run: Run, task: Task | undefined): void {
  const source = /^source (\d+)$/.exec(run.instance)?.[1];
  if (source !== undefined) run.kind = task?.plan.sources[Number(source)]?.kind ?? '';
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((call, at) => call === other[at]);
}
