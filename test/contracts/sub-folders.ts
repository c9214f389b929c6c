import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { OutputFolder } from '../../functions/model/task.ts';
import type { FileOwner } from '../../functions/ports/outputs.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { type ContractOptions, numbers, TIMEOUT_MS } from './harness.ts';
import { file, type OutputHarness } from './outputs.ts';

const FOREVER = new AbortController().signal;
const OWNER: FileOwner = { taskId: 'task', isCurrent: async () => true };
const PATHS = ['de/9x16', 'de/1x1', 'fr/9x16'];
const WITH_PARENTS = ['de', 'de/1x1', 'de/9x16', 'fr', 'fr/9x16'];

/** What every output does with the sub-folders of a task. */
export function subFolderContract(
  name: string,
  open: () => Promise<OutputHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} has sub-folders`, { timeout: TIMEOUT_MS, ...options }, () => {
    async function opened() {
      const harness = await open();
      const work = await tempDir();
      const folder = await harness.store.createFolder('sale', FOREVER, PATHS);
      return {
        ...harness,
        work,
        folder,
        save: async (fileName: string, text = fileName, within = folder) =>
          harness.store.save(within, fileName, await file(work, text), FOREVER, OWNER),
        find: (fileName: string, within = folder) => harness.store.find(within, fileName, OWNER, FOREVER),
        files: (path: string) => harness.list(inner(folder, path)),
        text: (path: string, fileName: string) => harness.read(inner(folder, path), fileName),
        async [Symbol.asyncDispose]() {
          await harness[Symbol.asyncDispose]();
          await work[Symbol.asyncDispose]();
        },
      };
    }

    it('with those that they are in, each once for repeated and concurrent calls', async () => {
      await using outputs = await opened();
      const all = await Promise.all(numbers(4).map(() => outputs.store.createFolder('sale', FOREVER, PATHS)));
      for (const folder of all) assert.deepEqual(folder, outputs.folder);
      assert.deepEqual(Object.keys(outputs.folder.folders ?? {}).sort(), WITH_PARENTS);
      assert.equal(new Set(Object.values(outputs.folder.folders ?? {})).size, WITH_PARENTS.length);
      assert.deepEqual(await outputs.folders(), ['sale']);
    });

    it('beside those of an earlier task, and says nothing of them if there are none', async () => {
      await using outputs = await opened();
      const later = await outputs.store.createFolder('sale', FOREVER, ['de/9x16', 'es']);
      assert.deepEqual(Object.keys(later.folders ?? {}).sort(), ['de', 'de/9x16', 'es']);
      assert.equal(later.folders?.['de/9x16'], outputs.folder.folders?.['de/9x16']);
      assert.equal(later.id, outputs.folder.id);
      const plain = await outputs.store.createFolder('sale');
      assert.deepEqual(plain, { id: outputs.folder.id, location: outputs.folder.location });
    });

    it('of one name in two folders and in two tasks, which are different ones', async () => {
      await using outputs = await opened();
      const other = await outputs.store.createFolder('other', FOREVER, PATHS);
      for (const path of PATHS) {
        assert.notEqual(other.folders?.[path], outputs.folder.folders?.[path]);
        await outputs.save(`${path}/a.mp4`, `other ${path}`, other);
        await outputs.save(`${path}/a.mp4`, path);
      }
      for (const path of PATHS) {
        assert.equal(await outputs.text(path, 'a.mp4'), path);
        assert.equal(await outputs.read(inner(other, path), 'a.mp4'), `other ${path}`);
      }
    });

    it('with names of any alphabet and of odd fields', async () => {
      await using outputs = await opened();
      const odd = ['español/9x16', "it's/1x1", '春/4x5', '__proto__/x', '__name__', 'constructor', 'a.b'];
      const folder = await outputs.store.createFolder('odd', FOREVER, odd);
      const stored = JSON.parse(JSON.stringify(folder)) as OutputFolder;
      for (const path of odd) {
        await outputs.save(`${path}/a.mp4`, path, stored);
        assert.equal(await outputs.read(inner(stored, path), 'a.mp4'), path);
      }
    });

    it('saves, replaces and finds files there, and removes them', async () => {
      await using outputs = await opened();
      const { url, bytes } = await outputs.save('de/9x16/vidéo 1.mp4', 'first');
      assert.ok(URL.canParse(url), url);
      assert.equal(bytes, 5);
      await outputs.save('de/9x16/vidéo 1.mp4', 'second!');
      await outputs.save('de/1x1/vidéo 1.mp4', 'square');
      await outputs.save('vidéo 1.mp4', 'top');
      assert.deepEqual(await outputs.files('de/9x16'), ['vidéo 1.mp4']);
      assert.equal(await outputs.text('de/9x16', 'vidéo 1.mp4'), 'second!');
      assert.equal(await outputs.text('de/1x1', 'vidéo 1.mp4'), 'square');
      const found = await outputs.find('de/9x16/vidéo 1.mp4');
      assert.equal(found?.bytes, 7);
      const pieces: Uint8Array[] = [];
      for await (const piece of found.read({ signal: FOREVER })) pieces.push(piece);
      assert.equal(Buffer.concat(pieces).toString(), 'second!');

      const names = ['de/9x16/vidéo 1.mp4', 'fr/9x16/never.mp4', 'es/a.mp4'];
      for (const _ of numbers(2)) await outputs.store.remove(outputs.folder, names, OWNER);
      assert.equal(await outputs.find('de/9x16/vidéo 1.mp4'), undefined);
      assert.deepEqual(await outputs.files('de/9x16'), []);
      assert.deepEqual(await outputs.files('de/1x1'), ['vidéo 1.mp4']);
      assert.equal((await outputs.find('vidéo 1.mp4'))?.bytes, 3);
    });

    it('and no others: no path leads out of its folder', async () => {
      await using outputs = await opened();
      const other = await outputs.store.createFolder('other');
      await outputs.save('a.mp4', 'mine', other);
      const source = await file(outputs.work, 'video');
      for (const path of [
        ...['es/a.mp4', 'de/4x5/a.mp4', 'De/9x16/a.mp4', '/de/9x16/a.mp4', 'de//a.mp4', 'de/9x16/'],
        ...['../other/a.mp4', 'de/../../other/a.mp4', 'de/9x16/../a.mp4', './de/9x16/a.mp4', 'de/9x16/..'],
        ...['constructor/a.mp4', '__proto__/a.mp4', 'de/9x16/a\0.mp4', `de/9x16/${'x'.repeat(300)}.mp4`],
      ]) {
        const saving = outputs.store.save(outputs.folder, path, source, FOREVER);
        await assert.rejects(saving, /Expected a plain file name/, path);
        assert.equal(await outputs.find(path), undefined);
        await outputs.store.remove(outputs.folder, [path]);
      }
      for (const path of ['..', '../other', 'de/..', '/etc', '', 'de//x', 'a\0', 'x'.repeat(300)]) {
        const making = outputs.store.createFolder('sale', FOREVER, [path]);
        await assert.rejects(making, /Expected a path of plain names/, path);
      }
      assert.deepEqual(await outputs.list(other), ['a.mp4']);
      assert.equal(existsSync(source), true);
    });

    it('saves nothing into sub-folders that are not its own', async () => {
      await using outputs = await opened();
      const folders = { de: join(outputs.folder.id, '..', 'other'), '..': outputs.folder.id };
      const elsewhere = { id: 'gone', location: 'gone', folders };
      for (const path of ['de/a.mp4', '../a.mp4']) {
        await assert.rejects(outputs.save(path, 'x', elsewhere), Error);
        assert.equal(await outputs.find(path, elsewhere), undefined);
        await outputs.store.remove(elsewhere, [path]);
      }
    });
  });
}

function inner({ folders, location }: OutputFolder, path: string): OutputFolder {
  const id = folders?.[path];
  assert.ok(id !== undefined, path);
  return { id, location };
}
