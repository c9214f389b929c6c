/**
 * The process that is killed: the product on a set of adapters, with instrumentation. Its only argument is an Order in
 * JSON. It writes its Events to stdout line by line, starts to wait for quiet when stdin has a line, and stops in an
 * orderly way when stdin ends.
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
/** A task that is unfinished after this long without any message or run will never finish. */
const STUCK_MS = 1_000;

function emit(event: Event): void {
  // Synchronous, so that everything written before a SIGKILL arrives.
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
    adapters: (adapters) => watch.instrumentation.adapters(breaking?.(adapters) ?? adapters),
  });
  emit({ url: product.url });
  process.stdin.once('data', () => void reportQuiet(product, watch.running));
  process.stdin.once('end', () => void product.stop().then(() => process.exit(0)));
}

async function reportQuiet(product: Product, running: () => number): Promise<void> {
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
