import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { type ApiDeps, createApi } from '../../functions/http/router.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import type { Progress, Task } from '../../functions/model/task.ts';
import { NO_PRICES } from '../contracts/samples.ts';
import { conforming } from '../fixtures/http/conforming.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const BASE = 'http://127.0.0.1:8080';
/** An answer that a thousand callers may have pending at once. */
const MOST_BYTES = 1024 ** 2;
const LONG = 6_000;

interface Paged {
  renders: { index: number; clips: string[]; track: string }[];
  estimate?: { clips: number } | null;
  next_cursor: string | null;
  seed: number;
}

/** 1,000 combinations of ten clips each, with URLs as long as fit into one body. */
const urlOf = (number: number, length: number) => `https://h/${String(number).padEnd(length, 'a')}`;
const BLOCKS = [
  ...[0, 1, 2].map((block) => Array.from({ length: 10 }, (_, at) => urlOf(block * 100 + at, LONG))),
  ...[3, 4, 5, 6, 7, 8].map((block) => [urlOf(block, 8_000)]),
];
const REQUEST = {
  task_name: 'long',
  video_blocks: BLOCKS.map((urls, block) => ({ name: String(block), urls })),
  audio_blocks: { music: ['https://h/1.mp3', 'https://h/2.mp3', 'https://h/3.mp3'] },
  dry_run: true,
};
const TASK: Task = {
  id: crypto.randomUUID(),
  fileId: 'f',
  name: 'long',
  createdAt: new Date().toISOString(),
  folder: { id: 'f', location: 'f' },
  metadata: null,
  warnings: [],
  retryOf: null,
  plan: makePlan({
    blocks: BLOCKS.map((urls, at) => ({ name: `block ${at}`, clips: urls.map((url) => addressOf(url)) })),
    tracks: [],
    lines: [],
    output: PLAIN_OUTPUT,
    sound: PLAIN_SOUND,
    seed: 1,
  }),
};
const PROGRESS: Progress = {
  published: true,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  cancelRequested: false,
  succeededAt: [],
  targets: {},
  finishedAt: null,
};

const describedApi = (deps: ApiDeps) => conforming(createApi(deps));
const api = describedApi({
  log: createLog({ level: 'error', pretty: false, write: () => {} }),
  guard: async () => {},
  baseUrl: () => BASE,
  run: <T>(_what: string, work: () => Promise<T>) => work(),
  speech: { notice: null },
  prices: NO_PRICES,
  limits: { combinations: 1000, sources: { buckets: [], ownBuckets: [] } },
  tasks: { get: async () => TASK, progress: async () => PROGRESS },
  reports: { list: async () => [] },
  leases: { read: async (keys: string[]) => keys.map(() => 'none') },
  attempts: { read: async () => [] },
  problems: { latest: async () => [] },
  pins: { count: async () => ({ all: 0, ready: 0 }) },
} as unknown as ApiDeps);

function post(body: object, query = ''): Promise<Response> {
  return api(
    new Request(`${BASE}/process_media${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );
}

/** All pages, one after the other. */
async function pagesOf(first: Response, next: (page: Paged) => Promise<Response>): Promise<Paged[]> {
  const pages: Paged[] = [];
  for (let answer = first; ; ) {
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    assert.ok(text.length < MOST_BYTES, `${text.length} bytes`);
    const page = JSON.parse(text) as Paged;
    pages.push(page);
    if (page.next_cursor === null) return pages;
    answer = await next(page);
  }
}

function assertAllOnce(pages: readonly Paged[], count: number): void {
  const indexes = pages.flatMap(({ renders }) => renders.map(({ index }) => index));
  assert.deepEqual(
    indexes,
    Array.from({ length: count }, (_, at) => at + 1),
  );
}

describe('a dry run', () => {
  test('of long URLs comes in pages of less than 1 MB, all of one plan', async () => {
    const first = await post(REQUEST);
    const pages = await pagesOf(first, ({ seed, next_cursor }) =>
      post({ ...REQUEST, seed }, `?cursor=${next_cursor}`),
    );
    assertAllOnce(pages, 1000);
    const tracks = pages.flatMap(({ renders }) => renders.map(({ track }) => track));
    const whole = makePlan({
      output: TASK.plan.output,
      sound: TASK.plan.sound,
      blocks: BLOCKS.map((urls, at) => ({ name: `block ${at}`, clips: urls.map((url) => addressOf(url)) })),
      tracks: REQUEST.audio_blocks.music.map((url) => addressOf(url)),
      lines: [],
      seed: pages[0]?.seed ?? 0,
    });
    assert.deepEqual(
      tracks,
      whole.combinations.map(({ track }) => (whole.sources[track ?? 0] as { url: string }).url),
    );
  });

  test('of short URLs has 100 combinations in a page', async () => {
    const clips = Array.from({ length: 250 }, (_, at) => `https://h/${at}.mp4`);
    const body = { task_name: 'short', video_blocks: { a: clips }, dry_run: true, seed: 5 };
    const pages = await pagesOf(await post(body), ({ next_cursor }) => post(body, `?cursor=${next_cursor}`));
    assert.deepEqual(
      pages.map(({ renders }) => renders.length),
      [100, 100, 50],
    );
    assert.deepEqual(
      pages.map(({ estimate }) => estimate?.clips),
      [250, undefined, undefined],
    );
    assertAllOnce(pages, 250);
  });

  test('needs the seed of its first page for a further one, and nothing else takes a cursor', async () => {
    const body = { task_name: 'a', video_blocks: { a: ['https://h/1.mp4'] } };
    for (const [refused, query] of [
      [{ ...body, dry_run: true }, '?cursor=1'],
      [{ ...body, seed: 1 }, '?cursor=1'],
      [{ ...body, seed: 1, dry_run: true }, '?cursor=x'],
    ] as const) {
      const answer = await post(refused, query);
      assert.equal(answer.status, 422);
      const { errors } = (await answer.json()) as { errors: { pointer: string }[] };
      assert.deepEqual(
        errors.map(({ pointer }) => pointer),
        ['/cursor'],
      );
    }
  });
});

describe('the renders of a task', () => {
  test('with long URLs come in pages of less than 1 MB', async () => {
    const ask = (query = '') => api(new Request(`${BASE}/tasks/${TASK.id}/renders${query}`));
    const pages = await pagesOf(await ask(), ({ next_cursor }) => ask(`?cursor=${next_cursor}`));
    assertAllOnce(pages, 1000);
  });

  test('come in pages of at most the limit, also with a status', async () => {
    const ask = (query: string) => api(new Request(`${BASE}/tasks/${TASK.id}/renders${query}`));
    for (const query of ['?limit=3', '?limit=3&status=pending']) {
      const first = (await (await ask(query)).json()) as Paged;
      const second = (await (await ask(`${query}&cursor=${first.next_cursor}`)).json()) as Paged;
      const indexes = [first, second].map(({ renders }) => renders.map(({ index }) => index));
      assert.deepEqual(indexes, [
        [1, 2, 3],
        [4, 5, 6],
      ]);
    }
    for (const limit of ['0', '101', '-1', '1e1', 'all'])
      assert.equal((await ask(`?limit=${limit}`)).status, 422, limit);
  });
});

describe('an address', () => {
  test('of more than 8,192 characters is refused before anything else', async () => {
    const refusing = describedApi({
      log: createLog({ level: 'error', pretty: false, write: () => {} }),
      guard: () => assert.fail('looked at the request'),
    } as unknown as ApiDeps);
    for (const path of ['/'.repeat(15_800), `/tasks/${'a'.repeat(8_186)}`, `/?${'a'.repeat(8_191)}`]) {
      const answer = await refusing(new Request(`${BASE}${path}`));
      assert.equal(answer.status, 414);
      assert.equal(((await answer.json()) as { code: string }).code, 'address_too_long');
    }
    assert.equal((await api(new Request(`${BASE}/${'a'.repeat(8_191)}`))).status, 404);
  });

  test('that takes another method is refused with the method to use', async () => {
    const answer = await api(new Request(`${BASE}/process_media`));
    assert.match(((await answer.json()) as { hint: string }).hint, /^Send it with POST/);
  });
});
