/** A zip of many videos takes no memory to speak of, however large it is and however slowly it is read. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXHAUSTIVE } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const [COUNT, MB] = EXHAUSTIVE ? [27, 30] : [6, 10];
/** What is on its way at most, and some garbage; all videos together have several times as much. */
const MOST_MB = EXHAUSTIVE ? 60 : 30;
const PROGRAM = join(import.meta.dirname, '../fixtures/hosts/zip-host.ts');

describe('a zip of many videos', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  let dir: TempDir;
  let host: ChildProcess;
  let about: { url: string; sha256: string };

  before(async () => {
    dir = await tempDir();
    const args = ['--max-semi-space-size=2', PROGRAM, dir.path, String(COUNT), String(MB)];
    host = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = await once(createInterface({ input: host.stdout as NodeJS.ReadableStream }), 'line');
    about = JSON.parse(line);
  });
  after(async () => {
    host?.kill();
    if (host?.exitCode === null) await once(host, 'exit');
    await dir?.[Symbol.asyncDispose]();
  });

  const memory = (what: 'VmRSS' | 'VmHWM') =>
    Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${host.pid}/status`, 'utf8'))?.[1]) /
    1024;

  /** How many MB more than before the host had at most. */
  async function grownBy(read: (answer: IncomingMessage) => Promise<void>): Promise<number> {
    // Sets the high-water mark back: https://docs.kernel.org/filesystems/proc.html
    writeFileSync(`/proc/${host.pid}/clear_refs`, '5');
    const before = memory('VmRSS');
    const [answer] = (await once(get(about.url), 'response')) as [IncomingMessage];
    await read(answer);
    return memory('VmHWM') - before;
  }

  test('is streamed in little memory to who reads fast, every byte of it', async (t) => {
    const hash = createHash('sha256');
    let bytes = 0;
    const grown = await grownBy(async (answer) => {
      for await (const piece of answer) {
        hash.update(piece);
        bytes += piece.length;
      }
      assert.equal(bytes, Number(answer.headers['content-length']));
    });
    t.diagnostic(`${Math.round(bytes / 2 ** 20)} MB, grown by ${grown.toFixed(1)} MB`);
    assert.ok(bytes > COUNT * MB * 2 ** 20);
    assert.ok(grown < MOST_MB, `grown by ${grown} MB`);
  });

  test('is streamed in little memory to who reads slowly', async (t) => {
    const grown = await grownBy(async (answer) => {
      for (let pause = 0; pause < 20; pause++) {
        answer.read(64 * 1024);
        await sleep(20);
      }
      answer.destroy();
    });
    t.diagnostic(`grown by ${grown.toFixed(1)} MB`);
    assert.ok(grown < MOST_MB, `grown by ${grown} MB`);
  });
});
