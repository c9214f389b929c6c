import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
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
