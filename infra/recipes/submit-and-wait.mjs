/**
 * Posts a task and waits for its videos, with nothing but Node:
 *
 *   EVERY_CUT_URL=http://127.0.0.1:8080 EVERY_CUT_KEY=... node submit-and-wait.mjs request.json
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const { EVERY_CUT_URL: service = 'http://127.0.0.1:8080', EVERY_CUT_KEY: key } = process.env;
const headers = { 'content-type': 'application/json', ...(key ? { 'x-api-key': key } : {}) };

/** Repeats what may pass by itself: a service that is busy, starting, or out of reach for a moment. */
async function ask(url, init = {}, tries = 5) {
  for (let pause = 1_000; ; pause *= 2) {
    const response = await fetch(url, { ...init, headers: { ...headers, ...init.headers } }).catch(
      () => undefined,
    );
    if (response?.ok) return response.json();
    const mayPass = response === undefined || response.status === 429 || response.status >= 500;
    if (!mayPass || tries-- === 0)
      throw new Error(response ? await response.text() : `No answer from ${url}`);
    const asked = Number(response?.headers.get('retry-after') ?? 0) * 1_000;
    await sleep(Math.max(asked, pause));
  }
}

const accepted = await ask(`${service}/process_media`, {
  method: 'POST',
  // With a key, repeating the request starts nothing twice.
  headers: { 'idempotency-key': randomUUID() },
  body: await readFile(process.argv[2], 'utf8'),
});
console.error(`${accepted.combinations} videos, ${accepted.status_url}`);

let status;
for (;;) {
  status = await ask(accepted.links.self);
  if (status.completed_at !== null) break;
  await sleep(2_000);
}
console.error(`${status.status}: ${status.succeeded} of ${status.combinations}`);

let cursor = '';
do {
  const page = await ask(`${accepted.links.renders}?cursor=${encodeURIComponent(cursor)}`);
  for (const { file_name, url, error } of page.renders) {
    console.log(error === null ? `${file_name}\t${url}` : `${file_name}\t${error.code}: ${error.hint}`);
  }
  cursor = page.next_cursor;
} while (cursor !== null);
process.exitCode = status.status === 'completed' ? 0 : 1;
