import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Failed } from '../../functions/model/pins.ts';
import type { PinStore } from '../../functions/ports/pins.ts';
import type { TaskStore } from '../../functions/ports/tasks.ts';
import { type ContractOptions, numbers, TIMEOUT_MS } from './harness.ts';
import { SAMPLE_PROFILE, samplePrepared, sampleTask } from './samples.ts';

export interface PinHarness extends AsyncDisposable {
  tasks: TaskStore;
  pins: PinStore;
}

const FAILED: Failed = {
  error: { code: 'source_not_found', message: 'Expected a file, got 404', stage: 'download' },
};

export function pinContract(
  name: string,
  open: () => Promise<PinHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps pins`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('returns pins in the requested order, with gaps', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      await pins.write(id, 'profile', SAMPLE_PROFILE);
      await pins.write(id, 'prepared-3', samplePrepared('three'));
      await pins.write(id, 'prepared-12', FAILED);
      const read = await pins.read(id, ['prepared-12', 'prepared-1', 'profile', 'prepared-3']);
      assert.deepEqual(read, [FAILED, undefined, SAMPLE_PROFILE, samplePrepared('three')]);
      assert.deepEqual(await pins.read(id, []), []);
    });

    it('returns the first pin for every write, even if it is an error', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      assert.deepEqual(await pins.write(id, 'prepared-0', FAILED), FAILED);
      assert.deepEqual(await pins.write(id, 'prepared-0', samplePrepared('late')), FAILED);
      assert.deepEqual(await pins.read(id, ['prepared-0']), [FAILED]);
    });

    it('keeps one of three concurrent writes, and returns it to all three', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      const written = await Promise.all(
        numbers(3).map((at) => pins.write(id, 'prepared-0', samplePrepared(`artifact-${at}`))),
      );
      const [standing] = await pins.read(id, ['prepared-0']);
      assert.ok(standing);
      assert.deepEqual(written, [standing, standing, standing]);
    });

    it('counts all pins of a task, and of these the sources that are ready', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      await withTask(harness);
      assert.deepEqual(await pins.count(id), { all: 0, ready: 0 });
      await pins.write(id, 'profile', SAMPLE_PROFILE);
      await pins.write(id, 'fetched-0', FAILED);
      assert.deepEqual(await pins.count(id), { all: 2, ready: 0 });
      await pins.write(id, 'prepared-0', FAILED);
      for (const name of ['prepared-1', 'prepared-2', 'remade-2'] as const)
        await pins.write(id, name, samplePrepared(name));
      assert.deepEqual(await pins.count(id), { all: 6, ready: 2 });
    });

    it('keeps tasks apart', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      const { id: other } = await withTask(harness);
      await pins.write(id, 'profile', SAMPLE_PROFILE);
      assert.deepEqual(await pins.read(other, ['profile']), [undefined]);
    });
  });
}

async function withTask({ tasks, pins }: PinHarness): Promise<{ pins: PinStore; id: string }> {
  const task = sampleTask();
  task.folder.id = task.id;
  await tasks.create(task);
  return { pins, id: task.id };
}
