import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import fs, { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createOutputFolders } from '../../../functions/adapters/disk/output-folders.ts';
import { createDiskOutputs } from '../../../functions/adapters/disk/outputs.ts';
import { RequestError, TransientError } from '../../../functions/base/errors.ts';
import { file as fileWith } from '../../contracts/outputs.ts';
import { otherDisk } from '../../fixtures/system/other-disk.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const FOREVER = new AbortController().signal;
const isGone = (words: RegExp) => (error: unknown) =>
  TransientError.is(error) && error.code === 'output_gone' && words.test(error.message);

describe('an output folder', () => {
  it('is made at the first start, and not made anew by a later one if it is gone', async () => {
    await using dir = await tempDir();
    const [output, memory] = [join(dir.path, 'disk', 'output'), join(dir.path, 'outputs.json')];
    await createOutputFolders(memory).check(output);
    assert.equal(existsSync(output), false);
    await createOutputFolders(memory).ensure(output);
    assert.ok(existsSync(output));

    await rm(join(dir.path, 'disk'), { recursive: true });
    const next = createOutputFolders(memory);
    const expected = isGone(new RegExp(`${output}, .*not mounted, mount it; .*mkdir -p ${output}\\.$`));
    await assert.rejects(next.check(output), expected);
    await assert.rejects(next.ensure(output), expected);
    assert.deepEqual(await readdir(dir.path), ['outputs.json']);

    await mkdir(output, { recursive: true });
    await next.ensure(output);
    // Another setting is another first time.
    await next.ensure(join(dir.path, 'other'));
  });

  it('on a disk of its own is not written to while nothing is mounted there', async (t) => {
    await using dir = await tempDir();
    await using disk = await otherDisk(dir.path);
    if (disk === undefined) return t.skip('this machine has one disk');
    const memory = join(dir.path, 'outputs.json');
    await createOutputFolders(memory).ensure(disk.path);
    const noted = await readFile(memory, 'utf8');
    assert.deepEqual(JSON.parse(noted), { folders: [[disk.path, '/dev/shm']] });

    // The empty folder that an unmounted disk leaves: the same, with a mount point that is a folder like any other.
    const mountPoint = join(dir.path, 'mnt');
    await mkdir(mountPoint);
    await writeFile(memory, noted.replaceAll(disk.path, mountPoint).replaceAll('/dev/shm', mountPoint));
    const next = createOutputFolders(memory);
    // Callers get the message; the log has its cause, too.
    const expected = (error: unknown) => {
      assert.match(String((error as Error).cause), /remove .*outputs\.json$/);
      return isGone(/nothing mounted at .*mnt\. Mount its disk\.$/)(error);
    };
    await assert.rejects(next.check(mountPoint), expected);
    await assert.rejects(next.ensure(mountPoint), expected);
    assert.deepEqual(await readdir(mountPoint), []);
  });

  it('keeps its mount point in mind if its disk goes while it is looked at', async (t) => {
    await using dir = await tempDir();
    await using disk = await otherDisk(dir.path);
    if (disk === undefined) return t.skip('this machine has one disk');
    const [memory, output] = [join(dir.path, 'outputs.json'), join(dir.path, 'output')];
    await mkdir(output);
    // Something is mounted there, but the folder that is found is not on it: as between two looks.
    const noted = `${JSON.stringify({ folders: [[output, '/dev/shm']] })}\n`;
    await writeFile(memory, noted);
    await createOutputFolders(memory).ensure(output);
    assert.equal(await readFile(memory, 'utf8'), noted);
  });

  it('is noted without a mount point on the disk of DATA_DIR, so that moving both says nothing', async () => {
    await using dir = await tempDir();
    const memory = join(dir.path, 'outputs.json');
    await createOutputFolders(memory).ensure(join(dir.path, 'output'));
    assert.deepEqual(JSON.parse(await readFile(memory, 'utf8')), {
      folders: [[join(dir.path, 'output'), null]],
    });
  });

  it('stays noted although the disk was slow to take an earlier note', async (t) => {
    await using dir = await tempDir();
    const memory = join(dir.path, 'outputs.json');
    const folders = createOutputFolders(memory);
    const { writeFile } = fs;
    const slow = t.mock.method(fs, 'writeFile', async (...args: Parameters<typeof writeFile>) => {
      if (slow.mock.callCount() === 0) await sleep(50);
      return writeFile(...args);
    });
    syncBuiltinESMExports();
    t.after(() => {
      slow.mock.restore();
      syncBuiltinESMExports();
    });
    await Promise.all(['a', 'b', 'c'].map((name) => folders.ensure(join(dir.path, name))));
    const noted = JSON.parse(await readFile(memory, 'utf8')) as { folders: unknown[] };
    assert.equal(noted.folders.length, 3);
  });

  it('that could not be noted is noted at its next use', async () => {
    await using dir = await tempDir();
    const [data, output] = [join(dir.path, 'data'), join(dir.path, 'output')];
    const folders = createOutputFolders(join(data, 'outputs.json'));
    await folders.ensure(output);
    await mkdir(data);
    await folders.check(output);
    assert.match(await readFile(join(data, 'outputs.json'), 'utf8'), /output/);
  });

  it('is used although it cannot be noted, as on a full disk, and although the note is damaged', async () => {
    await using dir = await tempDir();
    const output = join(dir.path, 'output');
    await createOutputFolders(join(dir.path, 'missing', 'outputs.json')).ensure(output);
    const memory = join(dir.path, 'outputs.json');
    await writeFile(memory, '{"folders": 3');
    await createOutputFolders(memory).ensure(output);
    assert.match(await readFile(memory, 'utf8'), /output/);
  });
});

describe('disk outputs whose folder is gone', () => {
  it('refuse a task with what to do, let saves wait, remove nothing, and go on once it is back', async () => {
    await using dir = await tempDir();
    const root = join(dir.path, 'output');
    const store = createDiskOutputs({ dir: root });
    const folder = await store.createFolder('sale');
    await rm(root, { recursive: true });

    await assert.rejects(store.createFolder('sale'), (error) => {
      assert.ok(RequestError.is(error));
      assert.deepEqual([error.code, error.message.includes(root)], ['output_folder', true]);
      assert.match(
        error.hint ?? '',
        /Mount its disk; if you removed the folder, make it again with mkdir -p/,
      );
      return true;
    });
    const video = await fileWith(dir, 'video');
    await assert.rejects(store.save(folder, 'a.mp4', video, FOREVER), isGone(/output/));
    await assert.rejects(store.remove(folder, ['a.mp4']), isGone(/output/));
    await assert.rejects(store.find(folder, 'a.mp4', { taskId: 'task' }, FOREVER), isGone(/output/));
    assert.equal(existsSync(root), false);

    await mkdir(root);
    await store.save(folder, 'a.mp4', video, FOREVER);
    assert.equal(await readFile(join(folder.id, 'a.mp4'), 'utf8'), 'video');
  });

  it('do not blame the folder for a video that is gone itself', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: join(dir.path, 'output') });
    const folder = await store.createFolder('sale');
    await assert.rejects(store.save(folder, 'a.mp4', join(dir.path, 'gone.mp4'), FOREVER), {
      code: 'ENOENT',
    });
  });
});
