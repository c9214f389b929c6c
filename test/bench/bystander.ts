/** Someone else who asks for the status of a task all the time, in a thread of its own so that only the host delays it. */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const EVERY_MS = 60;
const TIMEOUT_MS = 120_000;

export interface Waits {
  asked: number;
  /** Milliseconds from asking to the whole answer, with all tries that failed before it. */
  longest: number;
}

export interface Bystander {
  stop(): Promise<Waits>;
}

/** Asks until it is stopped. */
export function startBystander(url: string): Bystander {
  const worker = new Worker(new URL(import.meta.url), { workerData: url });
  return {
    async stop() {
      const waits = new Promise<Waits>((resolve, reject) =>
        worker.once('message', resolve).once('error', reject),
      );
      worker.postMessage('stop');
      const result = await waits;
      await worker.terminate();
      return result;
    },
  };
}

async function askForever(url: string): Promise<never> {
  const waits: Waits = { asked: 0, longest: 0 };
  let since = performance.now();
  parentPort?.once('message', () => {
    waits.longest = Math.max(waits.longest, performance.now() - since);
    parentPort?.postMessage(waits);
  });
  for (;;) {
    since = performance.now();
    while (!(await ask(url))) await sleep(EVERY_MS);
    waits.asked += 1;
    waits.longest = Math.max(waits.longest, performance.now() - since);
    // Between two requests nobody waits.
    since = Number.POSITIVE_INFINITY;
    await sleep(EVERY_MS);
  }
}

/** Whether there was an answer. A new connection each time, because places for connections may be the bottleneck. */
function ask(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      response.once('end', () => resolve(true)).once('error', () => resolve(false));
      response.resume();
    });
    request.once('error', () => resolve(false)).once('timeout', () => request.destroy());
  });
}

if (!isMainThread) await askForever(workerData as string);
