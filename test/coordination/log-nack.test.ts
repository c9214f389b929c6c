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

  test('is a warning once for the renders of a task and once for each source; DEBUG counts the others', async () => {
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

  test('of a bug, or of what the system refuses, comes once per kind, with its stack', async () => {
    const refused = (index: number) =>
      Object.assign(new Error(`EACCES: permission denied, mkdtemp '/data/tmp/work-${index}'`), {
        code: 'EACCES',
      });
    const bug = (index: number) => new TypeError(`x of ${index} is not a function`);
    const other = new TypeError('another');
    const lines = await logged([
      ...[1, 2, 3].map((index): [MessageOf<Topic>, unknown] => [render(index), refused(index)]),
      ...[1, 2, 3].map((index): [MessageOf<Topic>, unknown] => [render(index), bug(index)]),
      [render(4), other],
      [render(5), 'no error at all'],
      [prepare(0), bug(0)],
    ]);
    const warnings = lines.filter(({ severity }) => severity === 'WARNING');
    assert.deepEqual(
      warnings.map(({ error }) => String(error).split('\n')[0]),
      [
        "Error: EACCES: permission denied, mkdtemp '/data/tmp/work-1'",
        'TypeError: x of 1 is not a function',
        'TypeError: another',
        'no error at all',
        'TypeError: x of 0 is not a function',
      ],
    );
    assert.match(String(warnings[0]?.['message']), /is tried again later: an unexpected error$/);
    for (const { severity, error } of lines)
      if (!String(error).includes('no error'))
        assert.equal(/\n {4}at /.test(String(error)), severity === 'WARNING');
  });
});
