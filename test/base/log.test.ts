import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TransientError } from '../../functions/base/errors.ts';
import { createLog } from '../../functions/base/log.ts';

/** Colours, a title, a bell, 8-bit commands, a line that looks like another, and text from right to left. */
const HOSTILE =
  'a\x1b[2J\x1b]0;pwned\x07\x9b31m\x7f\r\n12:00:00 ERROR forged\u2028\u202egpj.exe\u2066\u200f\u061c\u200b\u{e0041}\u2800';

describe('a log line', () => {
  test('in a terminal cannot command it, nor look like several, whatever a name or an error contains', () => {
    let written = '';
    const log = createLog({ level: 'info', pretty: true, write: (line) => (written += line) });
    const cause = Object.assign(new Error(HOSTILE), { stack: `Error: ${HOSTILE}\n    at here` });
    log.warn(`"${HOSTILE}" failed`, { event: 'render.failed', error: new Error(HOSTILE, { cause }) });
    const [first = '', ...others] = written.trimEnd().split('\n');
    assert.match(first, /^\d\d:\d\d:\d\d WARNING "a\\u001b\[2J.+\\u000a12:00:00 ERROR forged\\u2028\\u202e/);
    assert.ok(others.length > 2);
    for (const line of others) assert.match(line, /^ {2}/);
    assert.doesNotMatch(
      written.replaceAll('\n', ''),
      /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\u200b\u{e0041}\u2800]/u,
    );
  });

  test('in JSON is plain to look at, and has the same text for whoever parses it', () => {
    let written = '';
    const log = createLog({ level: 'info', pretty: false, write: (line) => (written += line) });
    log.info(HOSTILE, { event: 'task.accepted', task_name: HOSTILE });
    assert.doesNotMatch(written.trimEnd(), /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\u200b\u{e0041}\u2800]/u);
    const line = JSON.parse(written) as Record<string, unknown>;
    assert.deepEqual([line['message'], line['task_name']], [HOSTILE, HOSTILE]);
  });

  test('in a terminal names its task, unless its message does', () => {
    let written = '';
    const log = createLog({ level: 'info', pretty: true, write: (line) => (written += line) });
    const task = { task_id: 'b5215557', task_name: 'spring' };
    log.info('Combination 3 is being mixed', { event: 'render.started', ...task });
    log.info('Task "spring" completed', { event: 'task.completed', ...task });
    log.info('A task could not be swept', { event: 'sweep.failed', task_id: 'b5215557' });
    log.info('Listening', { event: 'host.started' });
    const lines = written.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => line.slice('00:00:00 '.length)),
      [
        '"spring": Combination 3 is being mixed',
        'Task "spring" completed',
        '"b5215557": A task could not be swept',
        'Listening',
      ],
    );
  });

  test('has a stack for a bug only, and in a terminal says an expected reason once', () => {
    const cause = new TypeError('fetch failed');
    const busy = new TransientError('source_busy', 'Expected an answer, got 503.', { cause });
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    for (const pretty of [true, false]) {
      let written = '';
      const log = createLog({ level: 'info', pretty, write: (line) => (written += line) });
      log.warn(`It is tried again: ${busy.message}`, { event: 'message.handed_back', error: busy });
      log.warn('It is tried again', { event: 'message.handed_back', error: full });
      assert.doesNotMatch(written, / at /);
      assert.match(written, /Caused by: TypeError: fetch failed/);
      if (pretty) assert.equal(written.split('got 503').length, 2);
      log.error('It failed', { event: 'request.failed', error: cause });
      assert.match(written, / {4}at .*log\.test\.ts/);
    }
  });

  for (const pretty of [true, false]) {
    test(`shows errors and their causes without the query of a URL${pretty ? ', also in the format for people' : ''}`, () => {
      let written = '';
      const log = createLog({ level: 'info', pretty, write: (line) => (written += line) });
      const cause = new Error(
        "PUT 'https://h.example/upload?upload_id=SECRET&x=1' failed (see https://h.example/docs)",
      );
      const error = new Error('Connection lost at https://h.example/a?X-Goog-Signature=SECRET', { cause });
      log.error('It failed', { event: 'request.failed', error });
      assert.doesNotMatch(written, /SECRET/);
      assert.match(written, /https:\/\/h.example\/upload\?\*\*\*/);
      assert.match(written, /https:\/\/h.example\/docs/);
      assert.match(written, /Connection lost/);
    });
  }
});
