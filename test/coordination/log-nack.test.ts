import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TransientError } from '../../functions/base/errors.ts';
import { createLog } from '../../functions/base/log.ts';
import { createNackLog } from '../../functions/coordination/log-nack.ts';
import type { MessageOf, Topic } from '../../functions/model/messages.ts';
import { sampleTask } from '../contracts/samples.ts';
import type { Json } from '../fixtures/hosts/host.ts';

const TASK = sampleTask({ combinations: 100 });
const FULL = new TransientError('disk_full', 'The disk is full.');
const render = (index: number): MessageOf<Topic> => ({ topic: 'render', taskId: TASK.id, index });
const prepare = (source: number): MessageOf<Topic> => ({ topic: 'prepare', taskId: TASK.id, source });

async function logged(nacks: [MessageOf<Topic>, unknown][]): Promise<Json[]> {
  const lines: Json[] = [];
  const log = createLog({
    level: 'debug',
    pretty: false,
    write: (line) => lines.push(JSON.parse(line) as Json),
  });
  const logNack = createNackLog(log);
  for (const [message, error] of nacks) await logNack(message, 1, error, { get: async () => TASK });
  return lines;
}

describe('the line about a failed delivery', () => {
  test('says which clip or combination of which task is tried again, and why, without a stack', async () => {
    const lines = await logged([
      [render(3), FULL],
      [prepare(0), FULL],
    ]);
    assert.deepEqual(
      lines.map(({ severity, message, task_name, index, source }) => [
        severity,
        message,
        task_name,
        index ?? source,
      ]),
      [
        ['WARNING', 'Combination 3 is tried again later: The disk is full.', TASK.name, 3],
        ['WARNING', 'The clip "hook" is tried again later: The disk is full.', TASK.name, 0],
      ],
    );
    for (const { error } of lines) assert.doesNotMatch(String(error), / at /);
  });

  test('is a warning once for the renders of a task and once for each source; repetitions are counted for debugging', async () => {
    const lines = await logged([
      ...Array.from({ length: 50 }, (_, at) => [render(at + 1), FULL] as [MessageOf<Topic>, unknown]),
      [prepare(0), FULL],
      [prepare(1), FULL],
      [prepare(1), FULL],
      [render(1), new TransientError('network', 'No answer.')],
      [render(2), new TransientError('waiting', 'Its sources are not ready.')],
    ]);
    const warnings = lines.filter(({ severity }) => severity === 'WARNING');
    assert.deepEqual(
      warnings.map(({ topic, index, source }) => [topic, index ?? source]),
      [
        ['render', 1],
        ['prepare', 0],
        ['prepare', 1],
        ['render', 1],
      ],
    );
    assert.equal(lines[49]?.['repeated'], 49);
    assert.equal(lines.at(-1)?.['severity'], 'DEBUG');
  });

  test('of a bug comes each time, with its stack', async () => {
    const bug = new TypeError('x is not a function');
    const lines = await logged([
      [render(1), bug],
      [render(1), bug],
    ]);
    for (const { severity, message, error } of lines) {
      assert.deepEqual(
        [severity, message],
        ['WARNING', 'Combination 1 is tried again later: an unexpected error'],
      );
      assert.match(String(error), /x is not a function\n {4}at /);
    }
  });
});
