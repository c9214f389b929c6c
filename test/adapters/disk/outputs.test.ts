import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createDiskOutputs } from '../../../functions/adapters/disk/outputs.ts';
import { inRealFolder } from '../../../functions/adapters/disk/real-folder.ts';
import { PermanentError, RequestError, TransientError } from '../../../functions/base/errors.ts';
import { file, type OutputHarness, outputContract } from '../../contracts/outputs.ts';
import { subFolderContract } from '../../contracts/sub-folders.ts';
import { failingSystem } from '../../fixtures/system/failing-system.ts';
import { otherDisk } from '../../fixtures/system/other-disk.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const NO_LINKS = process.platform === 'win32' && 'only administrators make links there';
const FOREVER = new AbortController().signal;

const disk = async (): Promise<OutputHarness> => {
  const dir = await tempDir();
  const root = join(dir.path, 'output');
  return {
    store: createDiskOutputs({ dir: root }),
    list: ({ id }) => readdir(id),
    read: ({ id }, fileName) => readFile(join(id, fileName), 'utf8'),
    folders: () => readdir(root),
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
};

outputContract('disk', disk);
subFolderContract('disk', disk);

describe('disk outputs', () => {
  it('are found at the returned location and file URL', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: dir.path });
    const folder = await store.createFolder('100% sale #1');
    assert.equal(folder.location, join(dir.path, '100% sale #1'));
    const { url } = await store.save(folder, '0001 ü.mp4', await file(dir, 'video'), FOREVER);
    assert.equal(await readFile(fileURLToPath(url), 'utf8'), 'video');
  });

  it('stop with the reason where the reader leaves while they are opened', async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: dir.path });
    const folder = await store.createFolder('sale');
    await store.save(folder, 'a.mp4', await file(dir, 'video'), FOREVER, {
      taskId: 'task',
      isCurrent: async () => true,
    });
    const found = await store.find(folder, 'a.mp4', { taskId: 'task' }, FOREVER);
    const stop = new AbortController();
    const first = found?.read({ signal: stop.signal }).next();
    const reason = new Error('The client is gone');
    stop.abort(reason);
    await assert.rejects(async () => first, reason);
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
    await rm(folder.id, { recursive: true });
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

  it('do not wait for a pipe that has the name of a video', { skip: NO_LINKS }, async () => {
    await using dir = await tempDir();
    const store = createDiskOutputs({ dir: dir.path });
    const folder = await store.createFolder('sale');
    execFileSync('mkfifo', [join(folder.id, 'a.mp4')]);
    assert.equal(await store.find(folder, 'a.mp4', { taskId: 'task' }, FOREVER), undefined);
  });

  describe('where another user has put a symbolic link', { skip: NO_LINKS }, () => {
    const isRefused = (error: unknown) =>
      PermanentError.is(error) &&
      error.code === 'save_failed' &&
      /a symbolic link is in the way/.test(error.message);

    it('do not follow it as the folder of a task', async () => {
      await using dir = await tempDir();
      await using outside = await tempDir();
      const store = createDiskOutputs({ dir: dir.path });
      await writeFile(join(outside.path, 'a.mp4'), 'theirs');
      await writeFile(join(outside.path, '.a.mp4.0123abcd.part'), '');
      const id = join(dir.path, 'sale');
      await symlink(outside.path, id);
      await assert.rejects(
        store.createFolder('sale'),
        (error) =>
          RequestError.is(error) &&
          error.code === 'output_folder' &&
          /"sale" cannot be made: a symbolic link is in the way/.test(error.message),
      );
      // Or the link comes later.
      const folder = { id, location: id };
      const source = await file(dir, 'video');
      await assert.rejects(store.save(folder, 'b.mp4', source, FOREVER), isRefused);
      await assert.rejects(store.remove(folder, ['a.mp4']), isRefused);
      assert.equal(await store.find(folder, 'a.mp4', { taskId: 'task' }, FOREVER), undefined);
      assert.equal(await store.removeParts(folder, ['a.mp4']), 0);
      assert.deepEqual((await readdir(outside.path)).sort(), ['.a.mp4.0123abcd.part', 'a.mp4']);
      assert.ok(existsSync(source), 'the unsaved file is still there');
    });

    it('do not follow it as a folder that does not exist', async () => {
      await using dir = await tempDir();
      await using outside = await tempDir();
      await symlink(join(outside.path, 'new'), join(dir.path, 'sale'));
      await assert.rejects(createDiskOutputs({ dir: dir.path }).createFolder('sale'), RequestError.is);
      assert.deepEqual(await readdir(outside.path), []);
    });

    it('do not follow it as a video, from this disk or another', async (t: TestContext) => {
      await using dir = await tempDir();
      await using outside = await tempDir();
      await using other = await otherDisk(dir.path);
      const store = createDiskOutputs({ dir: dir.path });
      const folder = await store.createFolder('sale');
      const theirs = join(outside.path, 'theirs');
      await writeFile(theirs, 'theirs');
      for (const target of [theirs, join(outside.path, 'missing')]) {
        const name = `${basename(target)}.mp4`;
        await symlink(target, join(folder.id, name));
        for (const from of other ? [dir, other] : [dir])
          await assert.rejects(store.save(folder, name, await file(from, 'video'), FOREVER), isRefused);
        await store.remove(folder, [name]);
        assert.deepEqual(await readdir(folder.id), []);
      }
      assert.deepEqual(await readdir(outside.path), ['theirs']);
      assert.equal(await readFile(theirs, 'utf8'), 'theirs');
      if (!other) t.diagnostic('without another disk');
    });

    it('work in the folder that they opened, though a link takes its name meanwhile', async (t: TestContext) => {
      if (process.platform !== 'linux') return t.skip('only Linux has paths of open folders');
      await using dir = await tempDir();
      await using outside = await tempDir();
      const [folder, moved] = [join(dir.path, 'sale'), join(dir.path, 'moved')];
      await mkdir(folder);
      await inRealFolder(folder, async (place) => {
        await rename(folder, moved);
        await symlink(outside.path, folder);
        await rename(await file(dir, 'video'), join(place, 'a.mp4'));
      });
      assert.deepEqual([await readdir(moved), await readdir(outside.path)], [['a.mp4'], []]);
    });

    it('still work in an OUTPUT_DIR that is a link, which the operator has made', async () => {
      await using dir = await tempDir();
      await using outside = await tempDir();
      await symlink(outside.path, join(dir.path, 'output'));
      const store = createDiskOutputs({ dir: join(dir.path, 'output') });
      await store.save(await store.createFolder('sale'), 'a.mp4', await file(dir, 'video'), FOREVER);
      assert.deepEqual(await readdir(join(outside.path, 'sale')), ['a.mp4']);
    });
  });

  it('keep to the umask of those who share the folder, though the process itself is stricter', async (t: TestContext) => {
    if (process.platform === 'win32') return t.skip('Windows has other permissions');
    await using dir = await tempDir();
    await using other = await otherDisk(dir.path);
    const before = process.umask(0o077);
    t.after(() => void process.umask(before));
    const store = createDiskOutputs({ dir: join(dir.path, 'output'), umask: 0o027 });
    const folder = await store.createFolder('sale');
    await store.save(folder, 'a.mp4', await file(dir, 'video'), FOREVER);
    if (other) await store.save(folder, 'b.mp4', await file(other, 'video'), FOREVER);
    const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
    assert.equal(await mode(join(dir.path, 'output')), '750');
    assert.equal(await mode(folder.id), '750');
    for (const name of await readdir(folder.id)) assert.equal(await mode(join(folder.id, name)), '640', name);
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

describe('sub-folders on disk', () => {
  const FILE = 'de/9x16/a.mp4';

  async function prepared() {
    const dir = await tempDir();
    const store = createDiskOutputs({ dir: join(dir.path, 'out'), umask: 0o022 });
    const folder = await store.createFolder('sale', FOREVER, ['de/9x16']);
    return {
      dir,
      store,
      folder,
      save: async (text: string) => store.save(folder, FILE, await file(dir, text), FOREVER),
      [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
    };
  }

  it('are made again after they, or the folder of the task, were moved away', async () => {
    await using disk = await prepared();
    const { url } = await disk.save('first');
    await rename(join(disk.folder.id, 'de'), join(disk.dir.path, 'kept'));
    await disk.save('second');
    await rename(disk.folder.id, join(disk.dir.path, 'all'));
    await disk.save('third');
    assert.equal(await readFile(fileURLToPath(url), 'utf8'), 'third');
    assert.equal(await readFile(join(disk.dir.path, 'kept', '9x16', 'a.mp4'), 'utf8'), 'first');
    assert.equal((await stat(join(disk.folder.id, 'de', '9x16'))).mode & 0o777, 0o755);
  });

  it('are no links: nothing is saved, found or removed where one leads', { skip: NO_LINKS }, async () => {
    await using disk = await prepared();
    for (const [link, inside] of [
      ['de', '9x16/a.mp4'],
      ['de/9x16', 'a.mp4'],
    ] as const) {
      const path = join(disk.folder.id, link);
      const elsewhere = join(disk.dir.path, link.replace('/', '-'));
      await rename(path, elsewhere);
      await writeFile(join(elsewhere, inside), 'not yours');
      await symlink(elsewhere, path);
      await assert.rejects(disk.save('video'), /symbolic link/);
      assert.equal(await disk.store.find(disk.folder, FILE, { taskId: 'task' }, FOREVER), undefined);
      await disk.store.remove(disk.folder, [FILE]).catch(() => {});
      assert.equal(await disk.store.removeParts(disk.folder, [FILE]), 0);
      const making = disk.store.createFolder('sale', FOREVER, ['de/9x16']);
      await assert.rejects(making, (error) => RequestError.is(error) && error.code === 'output_folder');
      assert.equal(await readFile(join(elsewhere, inside), 'utf8'), 'not yours');
      await rm(path);
      await rm(elsewhere, { recursive: true });
      await disk.save('video');
    }
  });

  it('are rid of the parts that a host left, but of no others', async () => {
    await using disk = await prepared();
    const inner = join(disk.folder.id, 'de', '9x16');
    await writeFile(join(inner, '.a.mp4.0a1b2c3d.part'), '');
    await writeFile(join(inner, '.b.mp4.0a1b2c3d.part'), '');
    assert.equal(await disk.store.removeParts(disk.folder, [FILE, 'a.mp4', 'fr/a.mp4']), 1);
    assert.deepEqual(await readdir(inner), ['.b.mp4.0a1b2c3d.part']);
  });
});
