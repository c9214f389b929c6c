import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { statusView } from '../../functions/http/task-status.ts';
import type { Profile } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { checkedProfile } from '../../functions/pipeline/check-prepared.ts';
import { remakeInPrepare } from '../../functions/pipeline/remake.ts';
import { complete } from '../../functions/stages/complete.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { sweep } from '../../functions/stages/sweep.ts';
import { sampleReport } from '../contracts/samples.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { FORGED_SEAL } from '../fixtures/system/seal.ts';

const BASE = 'http://127.0.0.1:8080';

describe('what a taken-over prepare writes into the database', { timeout: 60_000 }, () => {
  const stages = useStages();
  /** Writes as someone who has the database but not the key. */
  const write = (sql: string, ...values: (string | number)[]) => {
    using database = new DatabaseSync(join(stages.dir.path, 'data', 'every-cut.sqlite'), { timeout: 5_000 });
    database.prepare(sql).run(...values);
  };
  const refused = (task: Task) =>
    stages.logged('record.forged').filter(({ record }) => record === `task ${task.id}`).length;

  for (const [what, path] of [
    ['another folder', '$.folder.id'],
    ['another name', '$.plan.sources[0].name'],
    ['another file id', '$.fileId'],
    ['another task whose retry it is', '$.retryOf'],
  ] as const) {
    it(`has no effect on a task: with ${what}, nothing is saved, removed or shown`, async () => {
      const task = await stages.createTask();
      const elsewhere = join(stages.dir.path, 'elsewhere');
      await mkdir(elsewhere);
      await writeFile(join(elsewhere, 'kept.mp4'), 'mine');
      write('UPDATE tasks SET body = json_set(body, ?, ?) WHERE id = ?', path, elsewhere, task.id);
      const { deps } = stages;
      const render = { topic: 'render', taskId: task.id, index: 1 } as const;
      await prepare({ topic: 'prepare', taskId: task.id, source: 0 }, DELIVERY, deps);
      await stages.renderOne(task, 1);
      await complete({ topic: 'complete', taskId: task.id }, DELIVERY, deps);
      const dead = { topic: 'dead-letter', taskId: task.id, message: render, reason: 'x' } as const;
      await deadLetter(dead, DELIVERY, deps);
      await sweep({ ...deps, publishingMs: 0 });
      await assert.rejects(statusView(task.id, BASE, deps), { code: 'not_found' });
      assert.deepEqual(await readdir(elsewhere), ['kept.mp4']);
      assert.deepEqual(await stages.videos(task), []);
      assert.ok(
        Object.values(stages.waiting()).every((count) => count === 0),
        'no message is published',
      );
      assert.equal(refused(task), 1, 'logged once');
    });
  }

  it('does not count: a forged report is replaced by that of the render', async () => {
    const task = await stages.createTask({ clips: ['/a.mp4'] });
    const report = JSON.stringify(
      sampleReport(1, { fileName: '../../evil.mp4', url: 'https://evil.example' }),
    );
    const insert = 'INSERT INTO reports (task_id, combination, body, seal) VALUES (?, 1, ?, ?)';
    write(insert, task.id, report, FORGED_SEAL.of(`report 1 of task ${task.id}`, report));
    write('UPDATE tasks SET succeeded = 1 WHERE id = ?', task.id);
    const finish = () => complete({ topic: 'complete', taskId: task.id }, DELIVERY, stages.deps);
    await assert.rejects(finish(), { code: 'waiting' });
    assert.equal((await stages.deps.tasks.progress(task.id))?.finishedAt, null);
    await stages.prepareAll(task);
    await stages.renderOne(task, 1);
    const [made] = await stages.deps.reports.list(task.id, 1, 1);
    assert.equal(made?.status, 'succeeded');
    assert.ok(existsSync(join(task.folder.id, made?.fileName ?? '')));
    await finish();
    const manifest = (await readdir(task.folder.id)).find((name) => name.endsWith('.json')) ?? '';
    const { succeeded } = JSON.parse(await readFile(join(task.folder.id, manifest), 'utf8'));
    assert.equal(succeeded, 1, 'counted from the reports, not from the counters');
  });

  it('does not name files: an earlier report with another name removes nothing', async () => {
    const task = await stages.createTask({ clips: ['/a.mp4'] });
    const names = task.plan.combinations.map(({ index }) => index);
    await stages.deps.reports.report(
      task.id,
      sampleReport(names[0] ?? 1, { status: 'failed', fileName: 'mine.mp4' }),
    );
    await mkdir(task.folder.id, { recursive: true });
    await writeFile(join(task.folder.id, 'mine.mp4'), 'mine');
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, stages.deps);
    assert.ok(existsSync(join(task.folder.id, 'mine.mp4')));
  });

  describe('in place of a prepared source', () => {
    const HASH = 'a'.repeat(64);
    /** Stores an artifact as `prepare` can, with any files and any meta. */
    const plant = async (key: string, meta: object, files: Record<string, Buffer> = {}) => {
      const make = async (dir: string) => {
        for (const [name, bytes] of Object.entries(files)) await writeFile(join(dir, name), bytes);
        return meta;
      };
      (await stages.deps.artifacts.getOrCreate(key, make, DELIVERY))[Symbol.dispose]();
    };
    /** A task with one clip and one track, of which one has that pin; its report. */
    const rendered = async (pins: Record<string, unknown>) => {
      const task = await stages.createTask({ clips: ['/a.mp4'], tracks: ['/a.mp4'] });
      for (const [name, pin] of Object.entries(pins)) {
        await stages.deps.pins.write(task.id, name as 'profile', pin as never);
      }
      await stages.prepareAll(task);
      await stages.renderOne(task, 1);
      const [report] = await stages.deps.reports.list(task.id, 1, 1);
      assert.equal(report?.status, 'failed');
      assert.deepEqual(await stages.videos(task), []);
      return report?.error?.message ?? '';
    };
    const ready = {
      artifact: `clip/${HASH}`,
      seconds: 1,
      frames: 30,
      samples: 48_000,
      loudness: null,
      warnings: [],
    };
    const sound = Buffer.alloc(48_000 * 4);

    it('a pin of another kind, or of another form, fails only its own videos', async () => {
      const artifact = '../../etc/passwd';
      assert.match(await rendered({ 'prepared-0': { ...ready, artifact } }), /artifact of kind clip/);
      const made_up = { error: { code: 'constructor', stage: 'mix', message: 'x'.repeat(1_000_000) } };
      const message = await rendered({ 'prepared-0': made_up });
      assert.match(message, /a failure of this service/);
      assert.ok(message.length < 1_000);
    });

    it('lengths and a loudness that are no numbers never reach ffmpeg, and remarks that are no texts no answer', async () => {
      const track = {
        artifact: `track/${HASH}`,
        seconds: 1,
        frames: 0,
        samples: 48_000,
        loudness: -14,
        warnings: [],
      };
      for (const [at, meta] of [
        { samples: 48_000, frames: 0, loudness: '0dB,amovie=/etc/passwd[a];[a]anull', warnings: [] },
        { samples: 1e9, frames: 0, loudness: -14, warnings: [] },
        { samples: 48_000, frames: 0, loudness: -14, warnings: 'a text' },
        { samples: 48_000, frames: 0, loudness: -14, warnings: ['x'.repeat(4_001)] },
        { samples: 48_000, frames: 0, loudness: -14, warnings: Array.from({ length: 9 }, () => 'x') },
        { samples: 48_000, frames: 0, loudness: -14, warnings: [{ html: '<script>' }] },
      ].entries()) {
        const artifact = `track/${String(at).repeat(64)}`;
        await plant(artifact, meta, { 'sound.s16le': sound });
        assert.match(await rendered({ 'prepared-1': { ...track, artifact } }), /Expected a prepared track/);
      }
    });

    it('a file that is not a clip of this service is not opened by ffmpeg', async () => {
      const playlist = Buffer.from('ffconcat version 1.0\nfile /etc/passwd\n');
      await plant(
        `clip/${HASH}`,
        { frames: 30, samples: 48_000, loudness: null, warnings: [] },
        { 'video.mp4': playlist, 'sound.s16le': sound },
      );
      assert.match(
        await rendered({ 'prepared-0': ready }),
        /Expected a prepared clip with the files of this service/,
      );
    });

    it('an artifact that does not exist makes render decode nothing: prepare makes it again', async () => {
      const task = await stages.createTask({ clips: ['/a.mp4'] });
      const missing = { ...ready, artifact: `clip/${'0'.repeat(64)}` };
      await stages.deps.pins.write(task.id, 'prepared-0', missing);
      const { pins, artifacts, attempts, queue } = stages.deps;
      const unasked = () => assert.fail('render decodes the file of a stranger');
      const sources = { ready: unasked, opened: unasked };
      const asInCloud = { remake: remakeInPrepare({ pins, artifacts, attempts, queue }), sources };
      for (const _ of [1, 2]) await assert.rejects(stages.renderOne(task, 1, asInCloud), { code: 'waiting' });
      assert.equal(stages.waiting()['prepare'], 1, 'asked once');
      await stages.prepareAll(task);
      await stages.renderOne(task, 1, asInCloud);
      assert.equal((await stages.videos(task)).length, 1);
    });

    it('an artifact that was evicted is made again under the same key', async () => {
      const task = await stages.createTask({ clips: ['/a.mp4'] });
      await stages.prepareAll(task);
      await rm(join(stages.dir.path, 'data', 'artifacts'), { recursive: true });
      await stages.prepareAll(task);
      assert.deepEqual(await stages.deps.pins.read(task.id, ['remade-0']), [undefined]);
      const unasked = () => assert.fail('made again by the render');
      await stages.renderOne(task, 1, { sources: { ready: unasked, opened: unasked } });
      assert.equal((await stages.videos(task)).length, 1);
    });

    it('a profile that the plan cannot lead to is not used', async () => {
      const profile = {
        width: 64,
        height: 64,
        rate: { num: 30, den: 1 },
        fit: 'contain',
        background: '#000000',
      };
      for (const wrong of [{ rate: { num: 1, den: 1e9 } }, { width: 1e9 }, { background: 'black,movie=x' }]) {
        const pin = { ...profile, ...wrong };
        const task = await stages.createTask({ clips: ['/a.mp4'] });
        assert.equal(checkedProfile(pin as Profile, task.plan.output), undefined);
      }
    });
  });
});
