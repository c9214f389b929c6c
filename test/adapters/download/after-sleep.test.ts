import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { download } from '../../fixtures/network/downloading.ts';
import { sleepingMachine } from '../../fixtures/system/sleeping-machine.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

const HOUR_MS = 3_600_000;

describe('a download during which the machine sleeps', () => {
  let dir: TempDir;

  before(async () => {
    dir = await tempDir();
  });
  after(() => dir?.[Symbol.asyncDispose]());

  for (const monotonic of ['stands', 'jumps'] as const) {
    for (const [where, begin] of [
      ['the answer', () => {}],
      ['the rest of the body', (answer) => answer.write('half')],
    ] as const satisfies readonly [string, (answer: ServerResponse) => void][]) {
      it(`waits for ${where} as long as without a sleep: the clock ${monotonic}`, async (t) => {
        const asked = Promise.withResolvers<ServerResponse>();
        const server = createServer((_, answer) => asked.resolve(answer));
        t.after(() => server.close());
        await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
        const { port } = server.address() as AddressInfo;
        const machine = sleepingMachine(t, monotonic);
        const got = download(`http://127.0.0.1:${port}/a`, join(dir.path, 'file'));
        const answer = await asked.promise;
        begin(answer);
        for (let sleeps = 0; sleeps < 3; sleeps++) {
          await pause(20);
          machine.sleep(HOUR_MS);
        }
        await pause(20);
        answer.end('whole');
        assert.equal((await got).modified, true);
      });
    }
  }
});
