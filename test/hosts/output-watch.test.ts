import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { TransientError } from '../../functions/base/errors.ts';
import { createLog } from '../../functions/base/log.ts';
import { createOutputOutage, watchOutputs } from '../../functions/hosts/output-watch.ts';
import type { OutputStore } from '../../functions/ports/outputs.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

test('a full output disk is one line when saves begin to fail, and one when they work again', async (t) => {
  const time = fakeTime(t);
  const lines: Json[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Json);
  const log = createLog({ level: 'info', pretty: false, write });
  let error: Error | undefined = new TransientError('disk_full', 'The disk is full: a.mp4 cannot be saved.');
  const store = {
    async save() {
      if (error !== undefined) throw error;
      return { url: 'file:///a.mp4', bytes: 1 };
    },
  } as Partial<OutputStore> as OutputStore;
  const outputs = watchOutputs(store, createOutputOutage(log));
  const save = () =>
    outputs
      .save({ id: '/o', location: '/o' }, 'a.mp4', '/tmp/a', new AbortController().signal)
      .catch(() => {});
  for (let times = 0; times < 30; times++) {
    await save();
    await time.passing(pause(1_000));
  }
  error = new TransientError('output_busy', 'Drive is busy.');
  await save();
  error = undefined;
  await save();
  await save();
  await time.passing(pause(6_000));
  assert.deepEqual(
    lines.map(({ severity, event, message }) => [severity, event, message]),
    [
      [
        'ERROR',
        'output.failing',
        'Videos cannot be saved, so they wait until they can. The disk is full: a.mp4 cannot be saved.',
      ],
      ['NOTICE', 'output.working', 'Videos are saved again, after 29 s'],
    ],
  );
});

test('watched outputs make the sub-folders that they are asked for', async () => {
  const asked: unknown[] = [];
  const store = {
    async createFolder(...args) {
      asked.push(...args);
      return { id: '/o', location: '/o' };
    },
  } as Partial<OutputStore> as OutputStore;
  const log = createLog({ level: 'info', pretty: false, write: () => {} });
  const { signal } = new AbortController();
  await watchOutputs(store, createOutputOutage(log)).createFolder('sale', signal, ['de/9x16']);
  assert.deepEqual(asked, ['sale', signal, ['de/9x16']]);
});
