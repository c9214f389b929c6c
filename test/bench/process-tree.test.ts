import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownProcessorSeconds, processorSeconds } from './process-tree.ts';

const WORKED = 0.2;

describe('processor seconds', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  test('are those of a process and of what it started, while that runs and when it is gone', async () => {
    const before = processorSeconds(process.pid);
    const own = ownProcessorSeconds(process.pid);
    const child = spawn('/bin/sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
    const exit = once(child, 'exit');
    try {
      // As long as it takes: what is asked is whether its work is seen at all.
      while (processorSeconds(process.pid) - before < WORKED + ownProcessorSeconds(process.pid) - own)
        await sleep(20);
    } finally {
      child.kill('SIGKILL');
      await exit;
    }
    const others = processorSeconds(process.pid) - before - (ownProcessorSeconds(process.pid) - own);
    assert.ok(others >= WORKED - 0.02, `${others} when it is gone`);
  });
});
