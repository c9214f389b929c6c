/** The list of tasks, on the real stores of one machine. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { prepareKey, renderKey } from '../../functions/coordination/lease-keys.ts';
import { createApi } from '../../functions/http/router.ts';
import { listTasks, type TaskListDeps } from '../../functions/http/task-list.ts';
import { statusView } from '../../functions/http/task-status.ts';
import type { TaskList } from '../../functions/model/answers/task.ts';
import type { Task } from '../../functions/model/task.ts';
import type { TaskPosition, TaskSummary } from '../../functions/model/task-summary.ts';
import { numbers } from '../contracts/harness.ts';
import { samplePrepared, sampleReport } from '../contracts/samples.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { useStages } from '../fixtures/hosts/stages.ts';
import { conforming } from '../fixtures/http/conforming.ts';

const BASE = 'http://127.0.0.1:8080';
const MINUTE_MS = 60_000;

describe('the list of tasks', () => {
  const s = useStages();
  const ask = (query: string) => conforming(createApi(s.deps))(new Request(`${BASE}/tasks${query}`));
  const list = async (query = ''): Promise<TaskList> => {
    const response = await ask(query);
    assert.equal(response.status, 200);
    return (await response.json()) as TaskList;
  };
  const idsOf = ({ tasks }: TaskList) => tasks.map(({ task_id }) => task_id);
  const clips = Array.from({ length: 30 }, (_, at) => `/${at}.mp4`);
  /** In each state that a task can have, oldest first. */
  const everyState = async (): Promise<Task[]> => {
    const made: Task[] = [];
    const next = async () => {
      const task = await s.createTask({ clips });
      made.push(task);
      return task.id;
    };
    const { leases, pins, reports, tasks } = s.deps;
    await next();
    await leases.take(prepareKey(await next(), 9), MINUTE_MS);
    await pins.write(await next(), 'fetched-0', {
      error: { code: 'source_not_found', message: '', stage: 'download' },
    });
    const begun = await next();
    await pins.write(begun, 'prepared-29', samplePrepared('last'));
    await leases.take(renderKey(begun, 26), MINUTE_MS);
    await reports.report(await next(), sampleReport(1));
    await tasks.cancel(await next());
    for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
      const id = await next();
      for (const at of numbers(30)) await reports.report(id, sampleReport(at + 1, { status }));
      await tasks.finish(id);
    }
    return made;
  };

  test('shows each task as its status does, whatever state it is in', async () => {
    const made = await everyState();
    const { tasks, next_cursor } = await list();
    assert.equal(next_cursor, null);
    const wanted = made.toReversed();
    assert.deepEqual(
      tasks.map(({ status }) => status),
      [
        'cancelled',
        'failed',
        'completed',
        'cancelling',
        'rendering',
        'rendering',
        'preparing',
        'preparing',
        'queued',
      ],
    );
    for (const [at, entry] of tasks.entries()) {
      const whole = (await statusView(wanted[at]?.id ?? '', BASE, s.deps)) as Json;
      const same = Object.fromEntries(Object.keys(entry).map((field) => [field, whole[field]]));
      assert.deepEqual(entry, same);
    }
  });

  test('has only those of a status, and of a name', async () => {
    const made = await everyState();
    const named = await s.createTask({ name: 'Söhne & "Töchter"', clips });
    const at = (...places: number[]) => places.map((place) => made[place]?.id);
    for (const [status, ids] of [
      ['queued', [named.id, ...at(0)]],
      ['preparing', at(2, 1)],
      ['rendering', at(4, 3)],
      ['cancelling', at(5)],
      ['completed', at(6)],
      ['failed', at(7)],
      ['cancelled', at(8)],
      ['partial', []],
    ] as const) {
      assert.deepEqual(idsOf(await list(`?status=${status}`)), ids, status);
    }
    const name = encodeURIComponent(named.name);
    assert.deepEqual(idsOf(await list(`?name=${name}`)), [named.id]);
    assert.deepEqual(idsOf(await list(`?name=${name}&status=completed`)), []);
    assert.deepEqual(idsOf(await list(`?name=${name.toLowerCase()}`)), [], 'exactly');
    const empty = new Request(`${BASE}/tasks?status=&name=&limit=&cursor=`);
    const { tasks } = (await (await createApi(s.deps)(empty)).json()) as TaskList;
    assert.equal(tasks.length, 10, 'an empty parameter is one that was left out');
  });

  test('comes in pages that a cursor joins without a gap, with and without a filter', async () => {
    const made: string[] = [];
    for (const _ of numbers(7)) made.unshift((await s.createTask({ clips: ['/a.mp4'] })).id);
    for (const filter of ['', '&status=queued']) {
      const seen: string[] = [];
      let cursor: string | null = '';
      let pages = 0;
      do {
        const page: TaskList = await list(`?limit=3&cursor=${cursor}${filter}`);
        seen.push(...idsOf(page));
        cursor = page.next_cursor;
        pages++;
      } while (cursor !== null);
      assert.deepEqual([seen, pages], [made, 3]);
    }
  });

  test('refuses a strange limit, status, name or cursor, also that of another list', async () => {
    const cursorOf = (text: string) => Buffer.from(text).toString('base64url');
    for (const [query, pointer] of [
      ['limit=0', '/limit'],
      ['limit=101', '/limit'],
      ['limit=1.5', '/limit'],
      ['status=done', '/status'],
      [`name=${'a'.repeat(201)}`, '/name'],
      ['cursor=100', '/cursor'],
      ['cursor=AAAA', '/cursor'],
      [`cursor=${cursorOf(`tasks 9999999999999999 ${randomUUID()}`)}`, '/cursor'],
      [`cursor=${cursorOf(`tasks 01 ${randomUUID()}`)}`, '/cursor'],
      [`cursor=${cursorOf(`tasks 1 ../${randomUUID()}`)}`, '/cursor'],
      [`cursor=${cursorOf(`renders 1 ${randomUUID()}`)}`, '/cursor'],
      ['page=2', '/page'],
    ]) {
      const response = await ask(`?${query}`);
      const { errors } = (await response.json()) as { errors: Json[] };
      assert.deepEqual([response.status, errors.map((one) => one['pointer'])], [422, [pointer]], query);
    }
  });

  test('answers HEAD, and refuses to be posted to', async () => {
    const api = conforming(createApi(s.deps));
    const head = await api(new Request(`${BASE}/tasks`, { method: 'HEAD' }));
    assert.deepEqual([head.status, await head.text()], [200, '']);
    const refused = await api(new Request(`${BASE}/tasks`, { method: 'POST' }));
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD']);
  });
});

describe('a list of tasks with thousands of unfinished ones', () => {
  const summary = (at: number): TaskSummary => ({
    id: randomUUID(),
    name: 'a',
    createdAt: '2026-11-29T09:00:00.000Z',
    combinations: 1,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    cancelRequested: false,
    ended: null,
    finishedAt: null,
    outline: { sources: 1, renders: [1] },
    position: { at, id: randomUUID() },
  });
  /** All of them are queued, except those whose place is one of `begun`. */
  const storeOf = (count: number, begun: readonly number[] = []) => {
    const all = numbers(count).map((at) => summary(count - at));
    const keys = new Set(begun.map((at) => prepareKey(all[at]?.id ?? '', 0)));
    const busy = { reads: 0, most: 0, now: 0 };
    const deps: TaskListDeps = {
      tasks: {
        async list({ limit, after }: { limit: number; after?: TaskPosition | undefined }) {
          const older = all.filter(({ position }) => after === undefined || position.at < after.at);
          const tasks = older.slice(0, limit);
          return { tasks, next: older.length > limit ? tasks.at(-1)?.position : undefined };
        },
      },
      leases: { read: async (asked) => asked.map((key) => (keys.has(key) ? 'held' : 'none')) },
      pins: {
        async count() {
          busy.reads++;
          busy.most = Math.max(busy.most, ++busy.now);
          await new Promise(setImmediate);
          busy.now--;
          return { all: 0, ready: 0 };
        },
      },
    };
    return {
      all,
      busy,
      list: async (query: string) =>
        (await (await listTasks(BASE, new URLSearchParams(query), deps)).json()) as TaskList,
    };
  };

  test('looks at 100 per answer, a few at a time, and goes on from there', async () => {
    const { all, busy, list } = storeOf(1_000, [250]);
    let page = await list('status=preparing');
    assert.deepEqual([page.tasks, busy.reads], [[], 100]);
    assert.ok(busy.most <= 10, `${busy.most} at a time`);
    for (const _ of numbers(2)) {
      assert.ok(page.next_cursor);
      page = await list(`status=preparing&cursor=${page.next_cursor}`);
    }
    assert.deepEqual(
      page.tasks.map(({ task_id }) => task_id),
      [all[250]?.id],
    );
  });

  test('goes on right after the last entry of a full page', async () => {
    const { all, list } = storeOf(30, [3, 4, 20]);
    const first = await list('status=preparing&limit=1');
    const second = await list(`status=preparing&limit=2&cursor=${first.next_cursor}`);
    assert.deepEqual(
      [...first.tasks, ...second.tasks].map(({ task_id }) => task_id),
      [all[3]?.id, all[4]?.id, all[20]?.id],
    );
    assert.ok(Buffer.byteLength(JSON.stringify(await list('limit=100'))) < 1024 ** 2);
  });
});
