/**
 * The process that is killed: the product on a set of adapters, watched. Its one argument is an Order in JSON; it
 * tells its Events line by line, begins to look for quiet when a line comes in, and ends in order with its input.
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '../../functions/base/log.ts';
import type { Product } from './adapter-set.ts';
import { BROKEN, type BrokenName } from './broken.ts';
import { createWatch, type Event, type Stop } from './instrumentation.ts';
import { ADAPTER_SETS } from './sets.ts';

export interface Order {
  set: string;
  stop?: Stop | undefined;
  broken?: BrokenName | undefined;
}

const LOOK_EVERY_MS = 20;
/** No message, no run, and still a task that is not finished: nothing will come of it any more. */
const STUCK_MS = 1_000;

function emit(event: Event): void {
  // Synchronous: what was said before a SIGKILL must have arrived.
  writeSync(1, `${JSON.stringify(event)}\n`);
}

async function main(): Promise<void> {
  const order = JSON.parse(process.argv[2] ?? '{}') as Order;
  const set = await ADAPTER_SETS[order.set]?.();
  if (set === undefined) throw new Error(`Expected a known set of adapters, got ${order.set}`);
  const watch = createWatch(emit, order.stop);
  const breaking = order.broken === undefined ? undefined : BROKEN[order.broken];
  const log = createLog({
    level: 'debug',
    pretty: false,
    write: (line) => emit({ log: JSON.parse(line) as Record<string, unknown> }),
  });
  const product = await set.start(log, {
    ...watch.instrumentation,
    // As if it had been up all the time: what is overdue is overdue.
    upSince: 0,
    adapters: (adapters) => watch.instrumentation.adapters(breaking?.(adapters) ?? adapters),
  });
  emit({ url: product.url });
  process.stdin.once('data', () => void tellQuiet(product, watch.running));
  process.stdin.once('end', () => void product.stop().then(() => process.exit(0)));
}

async function tellQuiet(product: Product, running: () => number): Promise<void> {
  let stillSince = performance.now();
  for (;;) {
    const { messages, tasks } = await product.pending();
    if (messages > 0 || running() > 0) stillSince = performance.now();
    else if (tasks === 0 || performance.now() - stillSince > STUCK_MS) {
      return emit({ quiet: { unfinished: tasks } });
    }
    await sleep(LOOK_EVERY_MS);
  }
}

await main();
