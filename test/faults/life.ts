/** Runs one process of the product from its start until it dies or is quiet. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from '../../functions/config/config.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { WEBHOOK_SECRET } from '../fixtures/network/receiver.ts';
import type { AdapterSet } from './adapter-set.ts';
import type { BrokenName } from './broken.ts';
import type { Event, Stop } from './instrumentation.ts';
import type { Order } from './process.ts';

const ENTRY = join(import.meta.dirname, 'process.ts');
/** Even on a busy machine a process emits an event every second or two, so one that is silent for this long hangs. */
const SILENT_MS = 60_000;
/** The longest time between a closed connection and the news that the process died. */
const SLOW_DEATH_MS = 1_000;

export interface Life {
  ending: 'killed' | 'quiet' | 'hanging';
  events: Event[];
  /** Ids of the tasks that this process accepted. */
  accepted: string[];
}

export interface LifeOptions {
  set: AdapterSet;
  dir: string;
  stop?: Stop | undefined;
  broken?: BrokenName | undefined;
  /** Settings in addition to those of the set. */
  settings?: Environment | undefined;
  /** Node's compile cache, because half of a start is compiling. */
  codeCache: string;
  /** Called as soon as the process listens. Returns the ids of the tasks that it accepted. */
  ask?: ((url: string) => Promise<string[]>) | undefined;
}

export async function live({ set, dir, stop, broken, settings, codeCache, ask }: LifeOptions): Promise<Life> {
  const order: Order = { set: set.name, stop, broken };
  const child = spawn(process.execPath, [ENTRY, JSON.stringify(order)], {
    env: {
      ...process.env,
      FFMPEG_BIN: FFMPEG,
      WEBHOOK_SECRET,
      ...set.environment(dir),
      ...settings,
      NODE_COMPILE_CACHE: codeCache,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const silence = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => silence.resolve(undefined), SILENT_MS);
  const output = listen(child, () => timer.refresh());
  const late = silence.promise;
  /** Undefined if the process died or fell silent before the event. */
  const unlessOver = <T>(event: Promise<T>): Promise<T | undefined> =>
    Promise.race([event, closed.then(() => undefined), late]);
  const end = (ending: Life['ending'], accepted: string[]): Life => {
    return { ending, events: output.events, accepted };
  };
  try {
    const url = await unlessOver(output.url);
    const accepted = url === undefined || ask === undefined ? [] : await askWhileAlive(ask, url, closed);
    // Has no effect if the process is dead; how it ended is checked below.
    child.stdin.write('\n');
    const quiet = (await unlessOver(output.quiet)) !== undefined;
    if (quiet) {
      child.stdin.end();
      await Promise.race([closed, late]);
    }
    if (child.exitCode === null && child.signalCode === null) return end('hanging', accepted);
    if (child.signalCode === 'SIGKILL') return end('killed', accepted);
    if (quiet && child.exitCode === 0) return end('quiet', accepted);
    throw new Error(`A process ended with ${child.exitCode ?? child.signalCode}: ${output.complaints()}`);
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
    await closed;
  }
}

/** A process that dies during the request has accepted nothing. */
async function askWhileAlive(
  ask: (url: string) => Promise<string[]>,
  url: string,
  closed: Promise<unknown>,
): Promise<string[]> {
  try {
    return await ask(url);
  } catch (error) {
    const dead = await Promise.race([closed.then(() => true), sleep(SLOW_DEATH_MS, false)]);
    if (!dead) throw error;
    return [];
  }
}

function listen(child: ChildProcess, heard: () => void) {
  const events: Event[] = [];
  let complaints = '';
  const url = Promise.withResolvers<string>();
  const quiet = Promise.withResolvers<'quiet'>();
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    heard();
    const event = JSON.parse(line) as Event;
    events.push(event);
    if ('url' in event) url.resolve(event.url);
    if ('quiet' in event) quiet.resolve('quiet');
  });
  child.stderr?.on('data', (text: Buffer) => {
    complaints += text.toString();
  });
  child.stdin?.on('error', () => {});
  return { events, url: url.promise, quiet: quiet.promise, complaints: () => complaints };
}
