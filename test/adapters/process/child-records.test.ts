import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createChildRecords } from '../../../functions/adapters/process/child-records.ts';
import { until } from '../../contracts/harness.ts';
import { isAlive } from '../../fixtures/hosts/host-process.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const skip = existsSync('/proc/self/stat') ? false : 'this system has no /proc to identify processes';

interface Sleeper extends Disposable {
  pid: number;
  ended: Promise<unknown>;
}

/** A harmless program that runs for a long time. */
function sleeper(program = 'sleep', args: readonly string[] = ['600'], detached = true): Sleeper {
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore', detached });
  const pid = child.pid as number;
  return { pid, ended: once(child, 'exit'), [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

describe('the records of children', { skip }, () => {
  it('name every living child, and are removed with it', async () => {
    await using dir = await tempDir();
    const records = createChildRecords({ dir: join(dir.path, 'children') });
    using one = sleeper();
    using other = sleeper();
    records.started(one.pid);
    records.started(other.pid);
    const names = await readdir(join(dir.path, 'children'));
    assert.deepEqual(names.map((name) => Number(name.split('-')[0])).sort(), [one.pid, other.pid].sort());
    records.ended(one.pid);
    assert.equal((await readdir(join(dir.path, 'children'))).length, 1);
    records.ended(other.pid);
    assert.deepEqual(await readdir(join(dir.path, 'children')), []);
  });

  for (const detached of [true, false]) {
    it(`let the next host kill what is left, ${detached ? 'as the leader of a group' : 'in a group of others'}`, async () => {
      await using dir = await tempDir();
      using left = sleeper('sleep', ['600'], detached);
      createChildRecords({ dir: dir.path }).started(left.pid);
      assert.equal(await createChildRecords({ dir: dir.path }).endLeftOvers(), 1);
      assert.equal(isAlive(left.pid), false);
      await left.ended;
      assert.deepEqual(await readdir(dir.path), []);
      assert.equal(await createChildRecords({ dir: dir.path }).endLeftOvers(), 0);
    });
  }

  it('kill a script together with what it started', async () => {
    await using dir = await tempDir();
    using script = sleeper('sh', ['-c', `sleep 600 & echo $! > '${join(dir.path, 'pid')}'; wait`]);
    while (!existsSync(join(dir.path, 'pid'))) await new Promise(setImmediate);
    const records = join(dir.path, 'children');
    createChildRecords({ dir: records }).started(script.pid);
    assert.equal(await createChildRecords({ dir: records }).endLeftOvers(), 1);
    await script.ended;
    await until(async () => {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
      return !pids.some((pid) => isAlive(pid) && groupOf(pid) === script.pid);
    }, 'the end of what the script started');
  });

  it('spare a process that only has the same pid, with another start time or boot id', async () => {
    await using dir = await tempDir();
    using foreign = sleeper();
    createChildRecords({ dir: dir.path }).started(foreign.pid);
    const [name = ''] = await readdir(dir.path);
    const [pid, startTime, ...bootId] = name.split('-');
    const earlier = `${pid}-${Number(startTime) - 1}-${bootId.join('-')}`;
    await rename(join(dir.path, name), join(dir.path, earlier));
    await writeFile(join(dir.path, `${pid}-${startTime}-${'0'.repeat(8)}${bootId.join('-').slice(8)}`), '');
    assert.equal(await createChildRecords({ dir: dir.path }).endLeftOvers(), 0);
    assert.ok(isAlive(foreign.pid));
    assert.deepEqual(await readdir(dir.path), []);
  });

  it('leave other files alone', async () => {
    await using dir = await tempDir();
    const notes = ['note.txt', String(process.pid), `${process.pid}-1-x`];
    for (const name of notes) await writeFile(join(dir.path, name), '');
    await mkdir(join(dir.path, 'folder'));
    assert.equal(await createChildRecords({ dir: dir.path }).endLeftOvers(), 0);
    assert.deepEqual((await readdir(dir.path)).sort(), [...notes, 'folder'].sort());
  });

  it('never block work, even if the folder cannot be created or the child is gone', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'file'), '');
    using child = sleeper();
    const records = createChildRecords({ dir: join(dir.path, 'file') });
    records.started(child.pid);
    records.ended(child.pid);
    assert.equal(await records.endLeftOvers(), 0);
    createChildRecords({ dir: dir.path }).started(2 ** 30);
    assert.deepEqual(await readdir(dir.path), ['file']);
  });

  it('cost next to nothing', async (t) => {
    await using dir = await tempDir();
    const records = createChildRecords({ dir: dir.path });
    using child = sleeper();
    const micros: number[] = [];
    for (let round = 0; round < 500; round++) {
      const begin = performance.now();
      records.started(child.pid);
      records.ended(child.pid);
      micros.push((performance.now() - begin) * 1000);
    }
    const median = micros.sort((one, other) => one - other)[250] ?? Number.NaN;
    t.diagnostic(`recording the start and end of a child: ${median.toFixed(0)} µs`);
    assert.ok(median < 20_000);
  });
});

function groupOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  } catch {
    return undefined;
  }
}
