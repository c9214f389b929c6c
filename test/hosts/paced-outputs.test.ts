import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransientError } from '../../functions/base/errors.ts';
import { pacedOutputs } from '../../functions/hosts/paced-outputs.ts';
import type { OutputStore } from '../../functions/ports/outputs.ts';

test('a save takes its turn, and lowers the pace only if there were too many requests', async () => {
  const steps: string[] = [];
  let error: Error | undefined;
  const store = {
    async save() {
      steps.push('save');
      if (error !== undefined) throw error;
      return { url: 'https://drive', bytes: 1 };
    },
  } as Partial<OutputStore> as OutputStore;
  const outputs = pacedOutputs(store, {
    turn: async () => void steps.push('turn'),
    refused: async () => void steps.push('refused'),
  });
  const save = () =>
    outputs.save({ id: 'f', location: 'f' }, 'a.mp4', '/tmp/a', new AbortController().signal);
  await save();
  for (const code of ['output_busy', 'network', 'output_limited'] as const) {
    error = new TransientError(code, 'no');
    await assert.rejects(save(), error);
  }
  assert.deepEqual(steps, ['turn', 'save', 'turn', 'save', 'turn', 'save', 'turn', 'save', 'refused']);
});
