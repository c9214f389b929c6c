import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { fetchKey, makeKey } from '../../functions/coordination/lease-keys.ts';
import { MAX_ATTEMPTS } from '../../functions/coordination/retry-policy.ts';
import type { Prepared } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { MAX_ROUNDS } from '../../functions/pipeline/fetch-source.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { DELIVERY, delivery, useStages } from '../fixtures/hosts/stages.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { makeTrack } from '../fixtures/media/finished.ts';

describe('prepare', () => {
  const s = useStages();

  test('three concurrent deliveries and a late one cause one download, one artifact and one log line', async () => {
    const task = await s.createTask({ decided: true });
    const message = { topic: 'prepare', taskId: task.id, source: 0 } as const;
    await Promise.all([1, 2, 3].map(() => prepare(message, delivery(), s.deps)));
    await prepare(message, delivery(), s.deps);
    assert.equal(s.server.count('/a.mp4'), 1);
    assert.equal(s.logged('source.prepared').length, 1);
  });

  test('pins how long a line took and for whom it was spoken, also if its process died before it was pinned', async () => {
    const lines = { lines: [{ text: 'Say it once', voice: 'en' }] };
    const [first, second] = [await s.createTask({ plan: lines }), await s.createTask({ plan: lines })];
    const source = first.plan.sources.findIndex(({ kind }) => kind === 'line');
    const speak = (task: Task, change: Partial<typeof s.deps> = {}) =>
      prepare({ topic: 'prepare', taskId: task.id, source }, delivery(), { ...s.deps, ...change });
    const dies = () => Promise.reject(new Error('it died here'));
    await assert.rejects(speak(first, { pins: { ...s.deps.pins, write: dies } }), /it died here/);
    await speak(first);
    await speak(second);
    const pinOf = async ({ id }: Task) => (await s.deps.pins.read(id, [`prepared-${source}`]))[0] as Prepared;
    const [one, other] = [await pinOf(first), await pinOf(second)];
    assert.deepEqual([one.spoken, other.spoken], ['free', undefined]);
    assert.equal(one.artifact, other.artifact);
    for (const { workSeconds } of [one, other]) assert.equal(typeof workSeconds, 'number');
    assert.deepEqual(await s.deps.usage.speech(), { ...(await s.deps.usage.speech()), bought: 0, saved: 0 });
  });

  test('publishes the renders that it completes, once, and again with each redelivery', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4'], more: ['/a.mp4'], decided: true });
    const published = () => s.waiting()['render'];
    const [one, two] = task.plan.sources.map(
      (_, source) => ({ topic: 'prepare', taskId: task.id, source }) as const,
    );
    assert.ok(one && two);
    await prepare(one, delivery(), s.deps);
    assert.equal(published(), 1, 'a alone');
    await prepare(two, delivery(), s.deps);
    assert.equal(published(), 2, 'b and a');
    // Its process died before it had published them, or before it was acknowledged.
    await prepare(two, delivery(), s.deps);
    assert.equal(published(), 3);
  });

  test('publishes a render whose last two sources are pinned at the same moment', async () => {
    const task = await s.createTask({ clips: ['/a.mp4'], more: ['/b.mp4'], decided: true });
    const both = Promise.withResolvers<void>();
    let written = 0;
    // Neither looks which renders can go before both have written.
    const pins: typeof s.deps.pins = {
      ...s.deps.pins,
      async write(taskId, name, pin) {
        const standing = await s.deps.pins.write(taskId, name, pin);
        if (name.startsWith('prepared-')) written += 1;
        if (written === 2) both.resolve();
        if (name.startsWith('prepared-')) await both.promise;
        return standing;
      },
    };
    await Promise.all(
      [0, 1].map((source) =>
        prepare({ topic: 'prepare', taskId: task.id, source }, delivery(), { ...s.deps, pins }),
      ),
    );
    assert.ok((s.waiting()['render'] ?? 0) >= 1);
    await s.renderOne(task, 1);
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.status, 'succeeded');
  });

  test('is delivered again if its renders could not be published', async () => {
    const task = await s.createTask({ clips: ['/a.mp4'] });
    const message = { topic: 'prepare', taskId: task.id, source: 0 } as const;
    const away = () => Promise.reject(new Error('the queue is away'));
    const own = delivery();
    await assert.rejects(prepare(message, own, { ...s.deps, queue: { publish: away } }), /is away/);
    assert.equal(s.waiting()['render'], 0);
    await prepare(message, own, s.deps);
    assert.equal(s.waiting()['render'], 1);
    assert.equal(s.logged('source.prepared').length, 1);
  });

  test('a dead source publishes all renders that need it, however late their other sources are', async () => {
    s.server.set('/gone.mp4', { body: s.clip, always: { does: 'status', status: 404 } });
    const task = await s.createTask({ clips: ['/gone.mp4', '/a.mp4'], more: ['/b.mp4', '/c.mp4'] });
    await prepare({ topic: 'prepare', taskId: task.id, source: 0 }, delivery(), s.deps);
    assert.equal(s.waiting()['render'], 2);
  });

  test('a dead source is one warning, which names it and counts the combinations that it costs', async () => {
    s.server.set('/gone.mp4', { body: s.clip, always: { does: 'status', status: 404 } });
    const task = await s.createTask({ name: 'dead', clips: ['/a.mp4', '/gone.mp4'], more: ['/a.mp4'] });
    await s.prepareAll(task);
    for (const { index } of task.plan.combinations) await s.renderOne(task, index);
    const [line, ...others] = s.logged('source.failed');
    assert.equal(others.length, 0);
    const dead = task.plan.sources.findIndex((source) => source.kind === 'clip' && source.name === 'gone');
    const lost = task.plan.combinations.filter(({ clips }) => clips.includes(dead)).length;
    assert.deepEqual(
      [
        line?.['severity'],
        line?.['task_name'],
        line?.['source'],
        line?.['source_name'],
        line?.['combinations_lost'],
      ],
      ['WARNING', 'dead', dead, 'clip "gone"', lost],
    );
    const words = new RegExp(
      `^The clip "gone" cannot be used, so ${lost} of ${task.plan.combinations.length} combinations fail: `,
    );
    assert.match(String(line?.['message']), words);
    assert.equal(s.logged('render.failed').filter(({ severity }) => severity !== 'DEBUG').length, 0);
  });

  test('a URL that is both clip and music is downloaded once', async () => {
    const both = await readFile(await makeFilm(join(s.media.path, 'both.mp4')));
    s.server.set('/both.mp4', { body: both });
    const task = await s.createTask({ name: 'both', clips: ['/both.mp4'], tracks: ['/both.mp4'] });
    await s.prepareAll(task);
    assert.equal(s.server.count('/both.mp4'), 1);
    await s.renderOne(task, 1);
    assert.equal((await s.videos(task)).length, 1);
  });

  test('the profile comes from the first clip with a picture, not from a file that has only sound', async () => {
    s.server.set('/sound.mp3', { body: await readFile(await makeTrack(join(s.media.path, 'sound.mp3'), 1)) });
    const task = await s.createTask({ name: 'sound first', clips: ['/sound.mp3', '/a.mp4'] });
    await s.prepareAll(task);
    const [profile] = await s.deps.pins.read(task.id, ['profile']);
    assert.deepEqual([profile?.width, profile?.height], [160, 90]);
  });

  test('a source whose bytes were evicted is requested without a condition', async () => {
    s.server.set('/a.mp4', { body: s.clip, etag: '"a"' });
    const first = await s.createTask();
    await s.prepareAll(first);
    await rm(join(s.dir.path, 'data', 'artifacts'), { recursive: true });
    const second = await s.createTask();
    await s.prepareAll(second);
    await s.renderOne(second, 1);
    assert.equal((await s.deps.reports.list(second.id, 1, 1))[0]?.status, 'succeeded');
    assert.equal(s.server.seen('/a.mp4').at(-1)?.headers['if-none-match'], undefined);
  });

  describe('a source whose server is busy', () => {
    const busy = { does: 'status', status: 429, headers: { 'retry-after': '3600' } } as const;

    test('is not requested again for a while by any prepare', async () => {
      s.server.set('/a.mp4', { body: s.clip, always: busy });
      const task = await s.createTask();
      const outcomes = await Promise.allSettled(
        task.plan.sources.map((_, source) =>
          prepare({ topic: 'prepare', taskId: task.id, source }, DELIVERY, s.deps),
        ),
      );
      assert.ok(outcomes.every(({ status }) => status === 'rejected'));
      await assert.rejects(prepare({ topic: 'prepare', taskId: task.id, source: 0 }, DELIVERY, s.deps), {
        code: 'waiting',
      });
      assert.equal(s.server.count('/a.mp4'), 1);
      assert.deepEqual(await s.deps.pins.read(task.id, ['fetched-0', 'prepared-0']), [undefined, undefined]);
    });

    test('fails permanently after six rounds, not after five', async () => {
      s.server.set('/a.mp4', { body: s.clip, always: busy });
      const task = await s.createTask();
      const prepareFirst = () => prepare({ topic: 'prepare', taskId: task.id, source: 0 }, DELIVERY, s.deps);
      for (let round = 1; round < MAX_ROUNDS; round++) {
        await assert.rejects(prepareFirst(), { code: 'source_busy' });
        // Ends the pause.
        s.local.endRests();
      }
      await prepareFirst();
      const [pin] = await s.deps.pins.read(task.id, ['prepared-0']);
      assert.equal(pin?.error?.code, 'source_unreachable');
      assert.match(pin?.error?.message ?? '', /got 429\. It was tried in 6 rounds/);
      assert.equal(s.server.count('/a.mp4'), MAX_ROUNDS);
    });
  });

  test('the query of a URL, which may be a key, is kept in the task that needs it and nowhere else', async () => {
    s.server.set('/a.mp4', { body: s.clip, etag: '"a"' });
    s.server.set('/page.mp4', { body: Buffer.from('<html></html>') });
    const clips = ['/a.mp4', '/missing.mp4', '/page.mp4'].map((path) => `${path}?X-Signature=5ec2e7`);
    const task = await s.createTask({ clips });
    await s.prepareAll(task);
    for (const { index } of task.plan.combinations) await s.renderOne(task, index);
    using database = new DatabaseSync(join(s.dir.path, 'data', 'every-cut.sqlite'), { readOnly: true });
    const tables = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all();
    const withQuery = tables.filter(({ name }) =>
      database
        .prepare(`SELECT * FROM ${String(name)}`)
        .all()
        .some((row) => JSON.stringify(row).includes('5ec2e7')),
    );
    assert.deepEqual(
      withQuery.map(({ name }) => name),
      ['tasks'],
    );
    const files = (await readdir(s.dir.path, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && !entry.name.startsWith('every-cut.sqlite'))
      .map(({ parentPath, name }) => join(parentPath, name));
    for (const file of files) assert.ok(!(await readFile(file)).includes('5ec2e7'), file);
  });

  test('a source fails after five crashes, in this task only', async () => {
    const [task, other] = [await s.createTask(), await s.createTask()];
    for (const key of [fetchKey(task.id, 0), makeKey(task.id, 1)]) await s.dieOver(key, MAX_ATTEMPTS);
    await s.prepareAll(task);
    const codes = (await s.deps.pins.read(task.id, ['prepared-0', 'prepared-1'])).map(
      (pin) => pin?.error?.code,
    );
    assert.deepEqual(codes, ['crash_loop', 'crash_loop']);
    await s.prepareAll(other);
    assert.equal((await s.deps.pins.read(other.id, ['prepared-0']))[0]?.error, undefined);
  });
});
