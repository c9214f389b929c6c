import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { StatusView } from '../../functions/model/answers/task.ts';
import { createProgressBar } from '../../infra/report/progress-bar.ts';

const PREPARING = {
  ...{ status: 'preparing', combinations: 16, sources: 10, prepared: 4, pending: 16 },
  ...{ failed: 0, cancelled: 0, elapsed_seconds: 2, eta_seconds: null, problem: null },
};

function drawn({ isTerminal = false, hasCaptions = false } = {}) {
  let text = '';
  let time = 0;
  const stream = new PassThrough().on('data', (chunk) => {
    text += chunk;
  });
  const bar = createProgressBar(Object.assign(stream, { isTTY: isTerminal, columns: 100 }) as never, {
    hasCaptions,
    now: () => time,
  });
  return {
    /** The line for a task. Time passes before it. */
    line(status: object): string {
      text = '';
      time += 10_000;
      bar.update({ ...PREPARING, ...status } as StatusView);
      return text.trimEnd();
    },
    pass(milliseconds: number) {
      time += milliseconds;
    },
    text: () => text,
    [Symbol.dispose]: () => bar[Symbol.dispose](),
  };
}

describe('the progress', () => {
  test('of preparing is the share of sources that are ready', () => {
    using bar = drawn();
    assert.equal(bar.line({}), `[${'#'.repeat(12)}${'-'.repeat(18)}] preparing: 4 of 10 sources ready, 2 s`);
    assert.equal(
      bar.line({ status: 'rendering', prepared: 10, pending: 8 }),
      `[${'#'.repeat(15)}${'-'.repeat(15)}] 8 of 16, 2 s`,
    );
  });

  test('says that captions are made, before the first video', () => {
    using bar = drawn({ hasCaptions: true });
    assert.match(bar.line({}), /4 of 10 sources ready/);
    assert.match(bar.line({ status: 'rendering', prepared: 10 }), /\] making captions, 0 of 16, 2 s$/);
    assert.match(bar.line({ status: 'rendering', prepared: 10, pending: 15 }), /\] 1 of 16, 2 s$/);
  });

  test('tells the time that is left once three videos are made and estimates agree', () => {
    using bar = drawn();
    const line = (elapsed_seconds: number, eta_seconds: number, done: number) =>
      bar.line({
        status: 'rendering',
        prepared: 10,
        pending: 16 - done,
        ...{ elapsed_seconds, eta_seconds },
      });
    assert.doesNotMatch(line(1, 9, 1), /left/);
    assert.doesNotMatch(line(2, 8, 2), /left/);
    assert.match(line(3, 7, 3), /about 7 s left$/);
    for (const elapsed of [6, 9, 12]) line(elapsed, 1, 4);
    assert.doesNotMatch(line(15, 1, 4), /left/, 'it was to end seconds ago');
  });

  test('counts the seconds on a terminal while nothing else changes', async () => {
    using bar = drawn({ isTerminal: true });
    bar.line({});
    bar.pass(3_000);
    await pause(1_200);
    assert.match(bar.text(), /4 of 10 sources ready, 5 s$/);
  });
});
