import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createClient, type StatusView } from '../../functions/client/client.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const URL_OF_SERVICE = 'http://service.test';

type Answer = (headers: Headers) => Response | Promise<Response>;

const status = (fields: Partial<StatusView>) => ({ task_id: 'one', completed_at: null, ...fields });
const RUNNING: Answer = () => Response.json(status({ succeeded: 1 }));
const ENDED: Answer = () => Response.json(status({ succeeded: 2, completed_at: '2026-11-29T09:00:00.000Z' }));
const AWAY: Answer = () => Promise.reject(new TypeError('fetch failed'));
const busy = (code: number, retryAfter?: string): Answer => {
  const headers = new Headers(retryAfter === undefined ? {} : { 'retry-after': retryAfter });
  return () => Response.json({ type: 'about:blank', title: 'Busy', status: code }, { status: code, headers });
};

/** A service that gives these answers in turn, the last one again and again. */
function serviceThat(...answers: Answer[]) {
  const asked: { at: number; headers: Headers }[] = [];
  return {
    asked,
    fetch: (async (_address: string, init: RequestInit) => {
      const headers = new Headers(init.headers as Record<string, string>);
      const answer = answers[Math.min(asked.length, answers.length - 1)] as Answer;
      asked.push({ at: performance.now(), headers });
      return await answer(headers);
    }) as typeof fetch,
  };
}

async function succeededOf(watch: AsyncIterable<StatusView>): Promise<number[]> {
  const seen: number[] = [];
  for await (const { succeeded } of watch) seen.push(succeeded);
  return seen;
}

describe('watching a task', () => {
  const pauses = (asked: { at: number }[]) =>
    asked.slice(1).map(({ at }, n) => Math.round(at - (asked[n]?.at ?? 0)));

  test('asks again with pauses that grow a little, to two seconds', async (t) => {
    const time = fakeTime(t);
    const { fetch, asked } = serviceThat(...Array.from({ length: 40 }, () => RUNNING), ENDED);
    const client = createClient({ url: URL_OF_SERVICE, fetch });
    assert.equal((await time.passing(client.ended('one'))).succeeded, 2);
    const waited = pauses(asked);
    assert.ok((waited[0] ?? 0) < 400, `${waited[0]}`);
    assert.ok((waited.at(-1) ?? 0) >= 2_000 && (waited.at(-1) ?? 0) < 2_200, `${waited.at(-1)}`);
    assert.ok(waited.every((ms, n) => ms >= (waited[n - 1] ?? 0) - 50));
  });

  const runningFor = (retryAfter: string): Answer => {
    const headers = { 'retry-after': retryAfter };
    return () => Response.json(status({ succeeded: 1 }), { headers });
  };

  test('waits as long as Retry-After says, if the service refuses', async (t) => {
    const time = fakeTime(t);
    const { fetch, asked } = serviceThat(RUNNING, busy(429, '30'), ENDED);
    const client = createClient({ url: URL_OF_SERVICE, fetch });
    assert.deepEqual(await time.passing(succeededOf(client.watch('one'))), [1, 2]);
    assert.equal(Math.floor((pauses(asked)[1] ?? 0) / 1000), 30);
  });

  test('asks at last as seldom as Retry-After of a status says', async (t) => {
    const time = fakeTime(t);
    const { fetch, asked } = serviceThat(...Array.from({ length: 60 }, () => runningFor('7')), ENDED);
    const client = createClient({ url: URL_OF_SERVICE, fetch });
    await time.passing(client.ended('one'));
    const last = pauses(asked).at(-1) ?? 0;
    assert.ok(last >= 7_000 && last < 7_200, `${last}`);
  });

  test('sees a task of seconds end at once, although its status says to ask every two seconds', async (t) => {
    const time = fakeTime(t);
    const endsAt = 3_000;
    const fetch = (async () =>
      await (time.now() < endsAt ? runningFor('2') : ENDED)(new Headers())) as typeof globalThis.fetch;
    await time.passing(createClient({ url: URL_OF_SERVICE, fetch }).ended('one'));
    assert.ok(time.now() - endsAt < 600, `seen after ${time.now()} ms`);
  });

  test('sends the tag of the last status, and shows none again that has not changed', async (t) => {
    const time = fakeTime(t);
    const tagged: Answer = (headers) =>
      headers.get('if-none-match') === '"a"'
        ? new Response(null, { status: 304, headers: { etag: '"a"' } })
        : Response.json(status({ succeeded: 1 }), { headers: { etag: '"a"' } });
    const { fetch, asked } = serviceThat(tagged, tagged, tagged, ENDED);
    const client = createClient({ url: URL_OF_SERVICE, fetch });
    assert.deepEqual(await time.passing(succeededOf(client.watch('one'))), [1, 2]);
    assert.deepEqual(
      asked.map(({ headers }) => headers.get('if-none-match')),
      [null, '"a"', '"a"', '"a"'],
    );
  });

  test('goes on when the service is back after a restart', async (t) => {
    const time = fakeTime(t);
    const cut: Answer = () => new Response(new ReadableStream({ pull: (body) => body.error(new Error()) }));
    const { fetch } = serviceThat(RUNNING, cut, AWAY, AWAY, busy(503), AWAY, busy(502), ENDED);
    const client = createClient({ url: URL_OF_SERVICE, fetch });
    assert.deepEqual(await time.passing(succeededOf(client.watch('one'))), [1, 2]);
  });

  test('ends with an error when the service stays away, and at once for other errors', async (t) => {
    const time = fakeTime(t);
    const gone = createClient({ url: URL_OF_SERVICE, ...serviceThat(RUNNING, AWAY) });
    await assert.rejects(time.passing(gone.ended('one', { patienceMs: 60_000 })), {
      name: 'ServiceError',
      status: null,
      message:
        'Expected a running service at http://service.test, got none. Next step: start it, or check the URL.',
    });
    assert.ok(time.now() >= 60_000 && time.now() < 90_000, `${time.now()}`);
    const unknown = createClient({ url: URL_OF_SERVICE, ...serviceThat(RUNNING, busy(404), ENDED) });
    await assert.rejects(time.passing(unknown.ended('one')), { status: 404 });
  });

  test('ends with the reason of its signal, also between two requests', async (t) => {
    const time = fakeTime(t);
    const why = new Error('The caller has gone.');
    const { fetch, asked } = serviceThat(RUNNING);
    const [ofClient, ofCall] = [new AbortController(), new AbortController()];
    const client = createClient({ url: URL_OF_SERVICE, fetch, signal: ofClient.signal });
    for (const stop of [ofCall, ofClient]) {
      const onStatus = () => setTimeout(() => stop.abort(why), 100);
      await assert.rejects(
        time.passing(
          client.ended('one', { onStatus, ...(stop === ofCall ? { signal: ofCall.signal } : {}) }),
        ),
        why,
      );
    }
    assert.equal(asked.length, 2);
  });
});
