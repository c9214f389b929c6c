import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';

describe('a log line', () => {
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
