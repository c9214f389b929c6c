import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDiskOutputs } from '../../../functions/adapters/disk/outputs.ts';
import { PermanentError, RequestError, TransientError } from '../../../functions/base/errors.ts';
import { file, outputContract } from '../../contracts/outputs.ts';
import { failingSystem } from '../../fixtures/system/failing-system.ts';
import { otherDisk } from '../../fixtures/system/other-disk.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const FOREVER = new AbortController().signal;

outputContract('disk', async () => {
  const dir = await tempDir();
  const root = join(dir.path, 'output');
  return {
    store: createDiskOutputs({ dir: root }),
    list: ({ id }) => readdir(id),
    read: ({ id }, fileName) => readFile(join(id, fileName), 'utf8'),
    folders: () => readdir(root),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
});

describe('disk outputs', () => {
  it('are found at the returned location and file URL', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: dir.path });
    const folder = await store.createFolder('100% sale #1');
    assert.equal(folder.location, join(dir.path, '100% sale #1'));
    const { url } = await store.save(folder, '0001 ü.mp4', await file(dir, 'video'), FOREVER);
    assert.equal(await readFile(fileURLToPath(url), 'utf8'), 'video');
  });

  it('say that a file is in the way, without the path', async () => {
    await using dir = await tempDir();
    await writeFile(join(dir.path, 'taken'), '');
    for (const [root, name] of [
      [dir.path, 'taken'],
      [join(dir.path, 'taken'), 'sale'],
    ] as const) {
      const making = createDiskOutputs({ dir: root }).createFolder(name);
      await assert.rejects(making, (error) => {
        assert.ok(RequestError.is(error));
        assert.equal(error.code, 'output_folder');
        assert.match(error.message, new RegExp(`"${name}" cannot be made: a file is in the way`));
        assert.ok(!error.message.includes(dir.path));
        assert.ok(error.cause instanceof Error);
        return true;
      });
    }
  });

  it('say that the folder is not writable, even if it already exists', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: dir.path });
    await store.createFolder('sale');
    using _refused = failingSystem('access', 'EACCES');
    await assert.rejects(
      store.createFolder('sale'),
      (error) => RequestError.is(error) && error.message.endsWith('not writable (EACCES)'),
    );
  });

  for (const { code, call } of [
    { code: 'ENOSPC', call: 'rename' },
    { code: 'EDQUOT', call: 'mkdir' },
  ] as const) {
    it(`fail as transient when the disk is full: ${code} at ${call}`, async () => {
      await using dir = await tempDir();
      const store = createDiskOutputs({ dir: dir.path });
      const folder = await store.createFolder('sale');
      const source = await file(dir, 'video');
      {
        using _full = failingSystem(call, code);
        await assert.rejects(
          store.save(folder, 'a.mp4', source, FOREVER),
          (error) => TransientError.is(error) && error.code === 'disk_full',
        );
      }
      await store.save(folder, 'a.mp4', source, FOREVER);
      assert.deepEqual(await readdir(folder.id), ['a.mp4']);
    });
  }

  for (const code of ['EACCES', 'EPERM', 'EROFS']) {
    it(`fail permanently when the system forbids it: ${code}`, async () => {
      await using dir = await tempDir();
      const store = createDiskOutputs({ dir: dir.path });
      const folder = await store.createFolder('sale');
      const source = await file(dir, 'video');
      using _forbidden = failingSystem('rename', code);
      await assert.rejects(
        store.save(folder, 'a.mp4', source, FOREVER),
        (error) =>
          PermanentError.is(error) &&
          error.code === 'save_failed' &&
          error.stage === 'save' &&
          error.message.includes(code) &&
          !error.message.includes(dir.path),
      );
    });
  }

  it('pass on an unexpected error unchanged', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: dir.path });
    const folder = await store.createFolder('sale');
    const source = await file(dir, 'video');
    using _broken = failingSystem('rename', 'EIO');
    await assert.rejects(store.save(folder, 'a.mp4', source, FOREVER), { code: 'EIO' });
  });

  it('create their folder again if someone removed it', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: join(dir.path, 'output') });
    const folder = await store.createFolder('sale');
    await rm(join(dir.path, 'output'), { recursive: true });
    await store.save(folder, 'a.mp4', await file(dir, 'video'), FOREVER);
    assert.equal(await readFile(join(folder.id, 'a.mp4'), 'utf8'), 'video');
  });

  it('refuse a folder from another output, and create no folder with its name', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: dir.path });
    for (const id of ['1AbC_dEf-GhIjKlMnOpQrStUvWxYz0123', 'gs://bucket/sale/']) {
      const source = await file(dir, 'video');
      await assert.rejects(
        store.save({ id, location: 'elsewhere' }, 'a.mp4', source, FOREVER),
        (error) =>
          PermanentError.is(error) && error.code === 'save_failed' && /another OUTPUT/.test(error.message),
      );
      await store.remove({ id, location: 'elsewhere' }, ['a.mp4']);
      assert.equal(await store.removeParts({ id, location: 'elsewhere' }, ['a.mp4']), 0);
      assert.equal(existsSync(id), false);
      assert.equal(await readFile(source, 'utf8'), 'video');
    }
  });

  it('fail permanently if a folder has the name of the file, or a file the name of the folder', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: join(dir.path, 'output') });
    const folder = await store.createFolder('sale');
    await mkdir(join(folder.id, 'a.mp4'));
    const source = await file(dir, 'video');
    const isSaveFailed = (error: unknown) =>
      PermanentError.is(error) && error.code === 'save_failed' && /in the way/.test(error.message);
    await assert.rejects(store.save(folder, 'a.mp4', source, FOREVER), isSaveFailed);
    await rm(folder.id, { recursive: true });
    await writeFile(folder.id, '');
    await assert.rejects(store.save(folder, 'a.mp4', source, FOREVER), isSaveFailed);
    assert.ok(existsSync(source), 'the unsaved file is still there');
  });

  it('never leave their folder', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: join(dir.path, 'output') });
    const folder = await store.createFolder('sale');
    const source = await file(dir, 'video');
    for (const name of ['../up.mp4', '..', '/up.mp4', 'a/b.mp4', '']) {
      await assert.rejects(store.save(folder, name, source, FOREVER), /plain file name/);
    }
    assert.deepEqual(await readdir(join(dir.path, 'output')), ['sale']);
  });

  it('arrive complete from another disk, with nothing left behind on either', async (t: TestContext) => {
    await using dir = await tempDir();
    await using other = await otherDisk(dir.path);
    if (!other) return t.skip('this machine has no second file system (/dev/shm) to move from');
    const store = createDiskOutputs({ dir: dir.path });
    const folder = await store.createFolder('sale');
    const name = `${'x'.repeat(251)}.mp4`;
    for (const text of ['first', 'second '.repeat(100_000)]) {
      const source = await file(other, text);
      assert.equal((await store.save(folder, name, source, FOREVER)).bytes, text.length);
      assert.equal(await readFile(join(folder.id, name), 'utf8'), text);
      assert.equal(existsSync(source), false);
    }
    assert.deepEqual(await readdir(folder.id), [name]);
  });

  it('remove the parts that a killed copy left, but only of the named files', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: dir.path });
    const folder = await store.createFolder('sale');
    const long = `${'x'.repeat(251)}.mp4`;
    const left = ['.a.mp4.0123abcd.part', '.a.mp4.ffffffff.part', `.${'x'.repeat(240)}.0123abcd.part`];
    const others = [
      ...['a.mp4', '.b.mp4.0123abcd.part', '.a.mp4.part', 'a.mp4.0123abcd.part', '.a.mp4.0123ABCD.part'],
      ...['.a.mp4.0123abcd.part.txt', '.a.mp4.0123abcde.part', '..0123abcd.part'],
    ];
    for (const name of [...left, ...others]) await writeFile(join(folder.id, name), '');
    assert.equal(await store.removeParts(folder, ['a.mp4', long]), 3);
    assert.deepEqual((await readdir(folder.id)).sort(), others.sort());
    await rm(folder.id, { recursive: true });
    assert.equal(await store.removeParts(folder, ['a.mp4']), 0);
  });

  it('leave no part behind when the copy from another disk is stopped or fails', async (t: TestContext) => {
    await using dir = await tempDir();
    await using other = await otherDisk(dir.path);
    if (!other) return t.skip('this machine has no second file system (/dev/shm) to move from');
    const store = createDiskOutputs({ dir: dir.path });
    const folder = await store.createFolder('sale');
    const source = await file(other, 'x'.repeat(50_000_000));
    const stop = new AbortController();
    const reason = new Error('The lease was lost');
    const saving = store.save(folder, 'a.mp4', source, stop.signal);
    const part = async () => (await readdir(folder.id)).length === 1;
    while (!(await part())) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(reason);
    await assert.rejects(saving, reason);
    assert.deepEqual(await readdir(folder.id), []);
    await mkdir(join(folder.id, 'a.mp4'));
    await assert.rejects(store.save(folder, 'a.mp4', source, FOREVER), PermanentError.is);
    assert.deepEqual(await readdir(folder.id), ['a.mp4']);
    assert.ok(existsSync(source));
  });
});
