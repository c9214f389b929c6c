import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';

describe('a log line', () => {
  for (const pretty of [true, false]) {
    test(`tells of errors and their causes without what addresses carry${pretty ? ', for people too' : ''}`, () => {
      let written = '';
      const log = createLog({ level: 'info', pretty, write: (line) => (written += line) });
      const cause = new Error(
        "PUT 'https://h.example/upload?upload_id=SECRET&x=1' failed (see https://h.example/docs)",
      );
      const error = new Error('Broken off at https://h.example/a?X-Goog-Signature=SECRET', { cause });
      log.error('It failed', { event: 'request.failed', error });
      assert.doesNotMatch(written, /SECRET/);
      assert.match(written, /https:\/\/h.example\/upload\?\*\*\*/);
      assert.match(written, /https:\/\/h.example\/docs/);
      assert.match(written, /Broken off/);
    });
  }
});
