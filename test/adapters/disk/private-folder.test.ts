import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { makePrivateFolder } from '../../../functions/adapters/disk/private-folder.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const RULES = { parents: 0o755, mark: /^lock$/, own: /^(lock|tmp|db.*)$/ };
const skip = process.platform === 'win32' && 'Windows has other permissions';

/** Permissions of a folder and of everything in it. */
async function modes(dir: string): Promise<Record<string, string>> {
  const names = ['.', ...(await readdir(dir, { recursive: true }))].sort();
  const found = await Promise.all(names.map((name) => stat(join(dir, name))));
  return Object.fromEntries(names.map((name, at) => [name, ((found[at]?.mode ?? 0) & 0o7777).toString(8)]));
}

async function filled(dir: string, mode: number): Promise<void> {
  await mkdir(join(dir, 'tmp', 'deep'), { recursive: true });
  for (const name of ['db.sqlite', 'db.sqlite-wal', 'other', 'tmp/deep/a'])
    await writeFile(join(dir, name), '');
  for (const name of await readdir(dir, { recursive: true })) await chmod(join(dir, name), 0o755);
  await chmod(dir, mode);
}

describe('a private folder', { skip }, () => {
  it('is created so, with parents that are not', async (t: TestContext) => {
    await using dir = await tempDir();
    const parent = join(dir.path, 'new');
    const own = join(parent, 'data');
    // As that of a host, which shares the parents with whoever uses its videos.
    const before = process.umask(0o077);
    t.after(() => void process.umask(before));
    await makePrivateFolder({ dir: own, ...RULES });
    await makePrivateFolder({ dir: own, ...RULES });
    assert.deepEqual(await modes(parent), { '.': '755', data: '700' });
  });

  it('is made of one that an earlier version left open, with all that is ours in it', async () => {
    await using dir = await tempDir();
    await filled(dir.path, 0o755);
    await writeFile(join(dir.path, 'lock'), '', { mode: 0o644 });
    await makePrivateFolder({ dir: dir.path, ...RULES });
    assert.deepEqual(await modes(dir.path), {
      '.': '700',
      'db.sqlite': '600',
      'db.sqlite-wal': '600',
      lock: '600',
      other: '755',
      tmp: '700',
      'tmp/deep': '700',
      'tmp/deep/a': '600',
    });
  });

  it('is made of an empty one', async () => {
    await using dir = await tempDir();
    await chmod(dir.path, 0o777);
    await makePrivateFolder({ dir: dir.path, ...RULES });
    assert.deepEqual(await modes(dir.path), { '.': '700' });
  });

  it('is not made of one that other programs use, nor of one that everyone shares', async () => {
    await using dir = await tempDir();
    await filled(dir.path, 0o755);
    const before = await modes(dir.path);
    await makePrivateFolder({ dir: dir.path, ...RULES });
    assert.deepEqual(await modes(dir.path), before);

    await writeFile(join(dir.path, 'lock'), '', { mode: 0o644 });
    await chmod(dir.path, 0o1777);
    await makePrivateFolder({ dir: dir.path, ...RULES });
    const { '.': itself, lock } = await modes(dir.path);
    assert.deepEqual([itself, lock], ['1777', '600']);
  });

  it('closes nothing that a symbolic link in it leads to', async () => {
    await using dir = await tempDir();
    await using outside = await tempDir();
    await writeFile(join(outside.path, 'file'), '', { mode: 0o644 });
    await chmod(outside.path, 0o755);
    await writeFile(join(dir.path, 'lock'), '');
    await symlink(outside.path, join(dir.path, 'tmp'));
    await symlink(join(outside.path, 'file'), join(dir.path, 'db'));
    await chmod(dir.path, 0o755);
    await makePrivateFolder({ dir: dir.path, ...RULES });
    assert.deepEqual(await modes(outside.path), { '.': '755', file: '644' });
  });
});
