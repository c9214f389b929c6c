import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Failed } from '../../functions/model/pins.ts';
import type { PinStore, TaskStore } from '../../functions/ports.ts';
import { type ContractOptions, numbers, TIMEOUT_MS } from './harness.ts';
import { SAMPLE_PROFILE, samplePrepared, sampleTask } from './samples.ts';

export interface PinHarness extends AsyncDisposable {
  tasks: TaskStore;
  pins: PinStore;
}

const FAILED: Failed = {
  error: { code: 'source_not_found', message: 'Expected a file, got 404', stage: 'download' },
};
/** Calls it again after a transient error, as a stage does. */
type Repeated = <T>(write: () => Promise<T>) => Promise<T>;

const PATIENT = { timeoutMs: TIMEOUT_MS, signal: new AbortController().signal };

export function pinContract(
  name: string,
  open: () => Promise<PinHarness>,
  { repeated = (write) => write(), ...options }: ContractOptions & { repeated?: Repeated } = {},
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

    it('ends a wait at once if all pins exist', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      await pins.write(id, 'prepared-0', samplePrepared('zero'));
      assert.deepEqual(await pins.wait(id, ['prepared-0'], PATIENT), [samplePrepared('zero')]);
      assert.deepEqual(await pins.wait(id, [], PATIENT), []);
    });

    it('ends all waits when the last pin arrives, and not before', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      let answered = 0;
      const waits = numbers(20).map(async () => {
        const found = await pins.wait(id, ['prepared-0', 'prepared-1'], PATIENT);
        answered += 1;
        return found;
      });
      await pins.write(id, 'prepared-1', samplePrepared('one'));
      await pause(50);
      assert.equal(answered, 0);
      await pins.write(id, 'prepared-0', samplePrepared('zero'));
      for (const found of await Promise.all(waits)) {
        assert.deepEqual(found, [samplePrepared('zero'), samplePrepared('one')]);
      }
    });

    it('misses no pin, at whatever moment of the wait it is written', async () => {
      await using harness = await open();
      for (const moment of numbers(12)) {
        const { pins, id } = await withTask(harness);
        const wait = pins.wait(id, ['prepared-0', 'prepared-1'], PATIENT);
        for (const _ of numbers(moment)) await pause(moment);
        const written = (['prepared-0', 'prepared-1'] as const).map((name) =>
          repeated(() => pins.write(id, name, samplePrepared(name))),
        );
        assert.deepEqual(await wait, await Promise.all(written));
      }
    });

    it('does not end a wait that begins just as the last other one ends', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      for (const moment of numbers(12)) {
        const stopped = new AbortController();
        const reason = new Error('The task was cancelled');
        const first = pins.wait(id, ['prepared-99'], { timeoutMs: TIMEOUT_MS, signal: stopped.signal });
        for (const _ of numbers(moment)) await pause(1);
        stopped.abort(reason);
        const second = pins.wait(id, [`prepared-${moment}`], PATIENT);
        await assert.rejects(first, reason);
        await pins.write(id, `prepared-${moment}`, samplePrepared(`${moment}`));
        assert.deepEqual(await second, [samplePrepared(`${moment}`)]);
      }
    });

    it('ends a wait early when one pin is an error, whether it exists or arrives later', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      const wait = pins.wait(id, ['prepared-0', 'prepared-1'], PATIENT);
      await pins.write(id, 'prepared-1', FAILED);
      assert.deepEqual(await wait, [undefined, FAILED]);
      assert.deepEqual(await pins.wait(id, ['prepared-0', 'prepared-1'], PATIENT), [undefined, FAILED]);
    });

    it('returns the pins that exist when the time is up', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      await pins.write(id, 'prepared-1', samplePrepared('one'));
      const found = await pins.wait(id, ['prepared-0', 'prepared-1'], { ...PATIENT, timeoutMs: 100 });
      assert.deepEqual(found, [undefined, samplePrepared('one')]);
    });

    it('rejects a wait with the reason of its signal, aborted before or during the wait', async () => {
      await using harness = await open();
      const { pins, id } = await withTask(harness);
      const reason = new Error('The host is stopping');
      const options = (signal: AbortSignal) => ({ timeoutMs: TIMEOUT_MS, signal });
      await assert.rejects(pins.wait(id, ['prepared-0'], options(AbortSignal.abort(reason))), reason);
      const controller = new AbortController();
      const wait = pins.wait(id, ['prepared-0'], options(controller.signal));
      setTimeout(() => controller.abort(reason), 20);
      await assert.rejects(wait, reason);
    });
  });
}

async function withTask({ tasks, pins }: PinHarness): Promise<{ pins: PinStore; id: string }> {
  const task = sampleTask();
  task.folder.id = task.id;
  await tasks.create(task);
  return { pins, id: task.id };
}
