import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import { fileNames, sideFileName } from '../../functions/model/names.ts';
import { type Combination, partOf } from '../../functions/model/plan.ts';
import type { Task } from '../../functions/model/task.ts';
import { manifestCsv } from '../../functions/pipeline/manifest.ts';
import type { OutputStore } from '../../functions/ports/outputs.ts';
import { complete } from '../../functions/stages/complete.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { captions } from '../fixtures/media/captions.ts';
import { ffmpeg } from '../fixtures/media/finished.ts';
import { assertFinished } from '../fixtures/media/finished-boxes.ts';
import { streamLines } from '../fixtures/media/measure.ts';

const LINE = { text: 'Go & win', voice: 'Sarah' };
const SRT = /^1\n00:00:00,\d{3} --> 00:00:0[01],\d{3}\nGo & win\n$/;
const VTT = /^WEBVTT\n\n00:00:00\.\d{3} --> 00:00:0[01]\.\d{3}\nGo &amp; win\n$/;

describe('captions beside a video', () => {
  const s = useStages();

  /** Two combinations, prepared. */
  async function preparedTask(files: readonly ('srt' | 'vtt')[] = ['srt', 'vtt']): Promise<Task> {
    const task = await s.createTask({ decided: true, plan: { lines: [LINE], captions: captions(files) } });
    await s.prepareAll(task);
    return task;
  }

  /** Contents by name, of all files but manifests. */
  async function contents({ folder }: Task): Promise<Record<string, string>> {
    const names = (await readdir(folder.id)).filter((name) => !name.startsWith('manifest-')).sort();
    const read = names.map(async (name) => [name, await readFile(join(folder.id, name), 'utf8')] as const);
    return Object.fromEntries(await Promise.all(read));
  }

  const reportOf = async (task: Task, index: number) => (await s.deps.reports.list(task.id, index, index))[0];
  /** The combination that speaks the line. */
  const spokenOf = ({ plan }: Task) => plan.combinations.find(({ line }) => line !== null) as Combination;

  test('are saved in each wanted form, reported, and listed in the manifest', async () => {
    const task = await preparedTask();
    const { index } = spokenOf(task);
    await s.renderOne(task, index);
    const report = await reportOf(task, index);
    assert.equal(report?.status, 'succeeded', report?.error?.message);
    const [video = '', srt = '', vtt = ''] = fileNames(task, spokenOf(task));
    assert.deepEqual(
      report?.files?.map(({ kind, fileName }) => [kind, fileName]),
      [
        ['srt', srt],
        ['vtt', vtt],
      ],
    );
    assert.equal(srt, video.replace(/mp4$/, 'srt'));
    const found = await contents(task);
    assert.match(found[srt] ?? '', SRT);
    assert.match(found[vtt] ?? '', VTT);
    for (const { fileName, bytes, url } of report?.files ?? []) {
      assert.equal(bytes, Buffer.byteLength(found[fileName] ?? ''));
      assert.ok(url.endsWith(encodeURIComponent(fileName)));
    }
    assert.ok(report?.warnings.some((text) => text.includes('estimated')));
    const csv = [...manifestCsv({ task, reports: report ? [report] : [], join: undefined, finishedAt: 1 })];
    const [columns = [], values = []] = csv
      .join('')
      .split('\r\n')
      .map((row) => row.split(','));
    const cell = (name: string) => values[columns.indexOf(name)];
    assert.deepEqual([cell('cover_file'), cell('srt_file'), cell('vtt_file')], ['', srt, vtt]);
  });

  test('are a track in the video, alone or besides files, in the language of the line', async () => {
    const task = await s.createTask({
      decided: true,
      plan: { lines: [{ ...LINE, language: 'pt-BR' }], captions: captions(['srt'], 'track') },
    });
    await s.prepareAll(task);
    for (const { index } of task.plan.combinations) await s.renderOne(task, index);
    const report = await reportOf(task, spokenOf(task).index);
    assert.equal(report?.status, 'succeeded', report?.error?.message);
    assert.match(report?.files?.[0]?.fileName ?? '', /\.pt_BR\.srt$/);
    for (const { index, line } of task.plan.combinations) {
      const file = join(task.folder.id, (await reportOf(task, index))?.fileName ?? '');
      const tracks = (await streamLines(file)).length;
      assert.equal(tracks, line === null ? 2 : 3);
      await assertFinished(file);
      if (line === null) continue;
      assert.match((await streamLines(file))[2] ?? '', /\(por\): Subtitle: mov_text/);
      const read = (await ffmpeg('-i', file, '-map', '0:s', '-f', 'webvtt', '-')).toString();
      assert.match(read, /^WEBVTT\n\n00:00\.\d{3} --> 00:0[01]\.\d{3}\nGo & win\n/);
    }
  });

  test('are not made where no line, or no word, is spoken in the video', async () => {
    const late = { sound: { originalVolume: 0, duck: false, voiceOffsetSeconds: 9 } };
    const task = await s.createTask({
      ...{ decided: true, clips: ['/a.mp4'] },
      plan: { lines: [LINE], captions: captions(['srt']), ...late },
    });
    await s.prepareAll(task);
    await s.renderOne(task, 1);
    const report = await reportOf(task, 1);
    assert.deepEqual([report?.status, report?.files], ['succeeded', undefined]);
    assert.deepEqual(Object.keys(await contents(task)), [report?.fileName]);
  });

  test('are the same if the process died before the video was saved, and none are left if it fails then', async () => {
    const task = await preparedTask();
    const { index } = spokenOf(task);
    const [video = '', srt = '', vtt = ''] = fileNames(task, spokenOf(task));
    const dying = (error: () => Error): OutputStore => ({
      ...s.deps.outputs,
      async save(...args) {
        if (args[1] === video) throw error();
        return s.deps.outputs.save(...args);
      },
    });
    const died = () => new TransientError('waiting', 'The process died.');
    await assert.rejects(s.renderOne(task, index, { outputs: dying(died) }), TransientError);
    const before = await contents(task);
    assert.deepEqual(Object.keys(before), [srt, vtt].sort());
    await s.renderOne(task, index);
    const after = await contents(task);
    assert.deepEqual([after[srt], after[vtt]], [before[srt], before[vtt]]);
    assert.ok(after[video]);
    // Redelivered after it was reported: nothing changes.
    await s.renderOne(task, index);
    assert.equal((await reportOf(task, index))?.files?.length, 2);
  });

  test('are removed together with a video that is not in the manifest', async () => {
    const task = await preparedTask();
    const [, srt = ''] = fileNames(task, spokenOf(task));
    const refusing: OutputStore = {
      ...s.deps.outputs,
      async save(...args) {
        if (args[1].endsWith('.mp4')) throw new PermanentError('save_failed', 'save', 'Refused.');
        return s.deps.outputs.save(...args);
      },
    };
    for (const { index } of task.plan.combinations) await s.renderOne(task, index, { outputs: refusing });
    assert.ok(srt in (await contents(task)));
    await complete({ topic: 'complete', taskId: task.id }, delivery(), s.deps);
    assert.deepEqual(await contents(task), {});
  });

  test('stay where they are if the task is retried, and the retry makes its own', async () => {
    const task = await preparedTask(['srt']);
    const spoken = spokenOf(task);
    const retry: Task = {
      ...task,
      id: crypto.randomUUID(),
      plan: partOf(task.plan, new Set([spoken.index])),
      retryOf: task.id,
    };
    assert.ok(await s.deps.tasks.create(retry));
    await s.deps.pins.write(retry.id, 'join', { video: 'encoded', reason: null, by: 0 });
    await s.prepareAll(retry);
    await s.renderOne(retry, spoken.index);
    const report = await reportOf(retry, spoken.index);
    const [video = ''] = fileNames(task, spoken);
    assert.deepEqual(
      report?.files?.map(({ fileName }) => fileName),
      [sideFileName(video, 'srt')],
    );
  });
});
