import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createApi } from '../../functions/http/router.ts';
import { fileName } from '../../functions/model/names.ts';
import type { Task } from '../../functions/model/task.ts';
import { failedReport } from '../../functions/pipeline/reporting.ts';
import { numbers } from '../contracts/harness.ts';
import { unzip } from '../fixtures/gcloud/unzip.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { savedVideos } from '../fixtures/hosts/saved-videos.ts';
import { useStages } from '../fixtures/hosts/stages.ts';
import { conforming } from '../fixtures/http/conforming.ts';

const BODY = {
  video_blocks: { hooks: ['https://h/cat.mp4', 'https://h/dog.mp4'], ctas: ['https://h/buy.mp4'] },
  output: { file_name: '{block:hooks}-{n:ctas}' },
};
const PLAIN = ['cat-1.mp4', 'dog-1.mp4'];

describe('names by a template', () => {
  const s = useStages();
  const ask = (path: string, method: string, body?: object, headers: Record<string, string> = {}) =>
    conforming(createApi(s.deps))(
      new Request(`http://127.0.0.1:8080${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body && { body: JSON.stringify(body) }),
      }),
    );

  async function accepted(
    answer: Response | Promise<Response>,
  ): Promise<{ task: Task; names: string[]; warnings: string[] }> {
    const response = await answer;
    const body = await response.text();
    assert.equal(response.status, 202, body);
    const { task_id, warnings } = JSON.parse(body) as { task_id: string; warnings: string[] };
    const task = await s.deps.tasks.get(task_id);
    assert.ok(task);
    const names = task.plan.combinations.map((combination) => fileName(task, combination));
    return { task, names, warnings };
  }
  const post = (task_name: string, change: object = {}, headers: Record<string, string> = {}) =>
    accepted(ask('/process_media', 'POST', { task_name, ...BODY, ...change }, headers));
  const withId = ({ id }: Task) => PLAIN.map((name) => name.replace('.mp4', `-${id.slice(0, 6)}.mp4`));

  test('are those of the first task in a folder, and have the id in later ones, which are told so', async () => {
    const first = await post('first');
    assert.deepEqual(first.names, PLAIN);
    const later = await post('first');
    assert.deepEqual(later.names, withId(later.task));
    assert.equal(later.warnings.length, first.warnings.length + 1);
    assert.match(
      later.warnings.at(-1) ?? '',
      /earlier task.*"\{block:hooks\}-\{n:ctas\}-\{id\}".*another task_name/,
    );
    const status = (await (await ask(`/tasks/${later.task.id}`, 'GET')).json()) as Json;
    assert.deepEqual(status['warnings'], later.warnings);
    const other = await post('another');
    assert.deepEqual(other.names, PLAIN);
  });

  test('are those of one task, however many are posted at once', async () => {
    const all = await Promise.all(numbers(8).map(() => post('at once')));
    const names = all.flatMap((task) => task.names);
    assert.equal(new Set(names).size, 16);
    assert.equal(all.filter(({ names }) => names[0] === PLAIN[0]).length, 1);
    for (const { task, names } of all.filter(({ names }) => names[0] !== PLAIN[0]))
      assert.deepEqual(names, withId(task));
  });

  test('are the same for a repeated Idempotency-Key, also at once', async () => {
    const headers = { 'idempotency-key': 'names' };
    const all = await Promise.all(numbers(4).map(() => post('repeated', {}, headers)));
    all.push(await post('repeated', {}, headers));
    assert.equal(new Set(all.map(({ task }) => task.id)).size, 1);
    for (const { names } of all) assert.deepEqual(names, PLAIN);
    const other = await post('repeated', {}, { 'idempotency-key': 'other-names' });
    assert.deepEqual(other.names, withId(other.task));
  });

  test('are taken for good, also if the task is deleted or all of it failed', async () => {
    const { task } = await post('gone');
    for (const combination of task.plan.combinations) {
      await s.deps.reports.report(
        task.id,
        failedReport(task, combination, { code: 'no_video', stage: 'probe', message: 'none' }),
      );
    }
    await s.deps.tasks.finish(task.id);
    assert.equal((await ask(`/tasks/${task.id}`, 'DELETE')).status, 204);
    const later = await post('gone');
    assert.deepEqual(later.names, withId(later.task));
  });

  test('are those of the first task in its retries, with and without the id', async () => {
    await post('retried', { output: { file_name: 'other {index}' } });
    for (const [name, expected] of [
      ['fresh', () => PLAIN],
      ['retried', withId],
    ] as const) {
      let { task } = await post(name);
      const names = expected(task);
      for (const _ of numbers(2)) {
        for (const combination of task.plan.combinations) {
          const failed = failedReport(task, combination, {
            code: 'no_video',
            stage: 'probe',
            message: 'none',
          });
          await s.deps.reports.report(task.id, failed);
        }
        await s.deps.tasks.finish(task.id);
        const retry = await accepted(ask(`/tasks/${task.id}/retry`, 'POST'));
        assert.deepEqual(retry.names, names);
        task = retry.task;
      }
    }
  });

  test('with {id}, and the usual ones, take nothing', async () => {
    await post('mixed', { output: { file_name: '{index} {id}' } });
    await post('mixed', { output: undefined });
    assert.deepEqual((await post('mixed')).names, PLAIN);
    const { names, warnings } = await post('mixed', { output: { file_name: '{id} {n:hooks}' } });
    assert.match(names[0] ?? '', /^[0-9a-f]{6} 1\.mp4$/);
    assert.doesNotMatch(warnings.join(), /earlier task/);
  });

  test('that clash are refused by a dry run, too, and make no folder', async () => {
    for (const dry_run of [true, false]) {
      const body = { task_name: 'refused', ...BODY, output: { file_name: '{task}' }, dry_run };
      const response = await ask('/process_media', 'POST', body);
      assert.equal(response.status, 422);
      const { errors } = (await response.json()) as {
        errors: { pointer: string; code: string; message: string }[];
      };
      assert.deepEqual(errors, [
        {
          pointer: '/output/file_name',
          code: 'repeated',
          message:
            'Expected a different name for each video, got "refused.mp4" for combinations 1 and 2. ' +
            'Add {n:hooks} or {index} to the template.',
        },
      ]);
    }
    await assert.rejects(
      s.deps.outputs.createFolder('refused').then(({ id }) => readdir(join(id, 'x'))),
      /ENOENT/,
    );
  });

  test('have sub-folders for formats and groups, made before the answer', async () => {
    const text_to_speech = ['de', 'fr'].map((group) => ({ text: group, voice: 'Ann', group }));
    const output = { file_name: '{block:hooks}', formats: ['9x16', '1x1'] };
    const { task, names } = await post('folders', { text_to_speech, output, selection: { lines: 'each' } });
    assert.equal(new Set(names).size, 8);
    for (const name of names) assert.match(name, /^(de|fr)\/(9x16|1x1)\/(cat|dog)_(9x16|1x1)\.mp4$/);
    for (const path of ['de/9x16', 'de/1x1', 'fr/9x16', 'fr/1x1']) {
      assert.deepEqual(await readdir(join(task.folder.id, path)), []);
    }
    const more = await post('folders', { text_to_speech, output, selection: { lines: 'each' } });
    for (const name of more.names)
      assert.match(name, /^(de|fr)\/(9x16|1x1)\/(cat|dog)-[0-9a-f]{6}_(9x16|1x1)\.mp4$/);
  });
});

describe('videos in sub-folders', () => {
  const format = { width: 64, height: 64, fit: 'contain', background: '#000000' } as const;
  const formats = [
    { name: '9x16', ...format },
    { name: '1x1', ...format },
  ];
  const combinations = [0, 1].map((at) => ({
    index: at + 1,
    number: 1,
    format: at,
    clips: [0],
    track: null,
    line: 1,
  }));

  test('are sent under the last part of their names, and stand in the folders of the zip', async () => {
    await using s = await savedVideos({ plan: { formats, combinations, total: 1 } });
    for (const at of [1, 2]) await s.save(at, `video ${at}`);
    await s.end();
    const names = [1, 2].map(s.nameOf);
    assert.match(names[0] ?? '', /^9x16\/0001-hook-[0-9a-f]{6}_9x16\.mp4$/);
    for (const [at, name] of names.entries()) {
      const response = await s.get(`/renders/${at + 1}/video`);
      assert.equal(await response.text(), `video ${at + 1}`);
      assert.equal(response.headers.get('content-disposition'), `inline; filename="${name.split('/')[1]}"`);
    }
    const files = unzip(Buffer.from(await (await s.get('/manifest.zip')).arrayBuffer()));
    for (const [at, name] of names.entries()) assert.equal(files.get(name)?.toString(), `video ${at + 1}`);
    const { renders } = (await (await s.get('/manifest.json')).json()) as {
      renders: { file_name: string }[];
    };
    assert.deepEqual(
      renders.map(({ file_name }) => file_name),
      names,
    );
  });
});
