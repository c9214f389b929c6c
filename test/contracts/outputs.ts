import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { TransientError } from '../../functions/base/errors.ts';
import type { OutputFolder } from '../../functions/model/task.ts';
import type { FileOwner, OutputStore } from '../../functions/ports.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

export interface OutputHarness extends Harness<OutputStore> {
  /** Names of all files in a folder, including hidden ones, in any order. */
  list(folder: OutputFolder): Promise<string[]>;
  read(folder: OutputFolder, fileName: string): Promise<string>;
  /** Names of all created folders. */
  folders(): Promise<string[]>;
}

const FOREVER = new AbortController().signal;

export function outputContract(
  name: string,
  open: () => Promise<OutputHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} saves outputs`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('gives the folder exactly the name of the task', async () => {
      await using harness = await open();
      const names = ['Frühling sale 🎬', "it's 100%", ' leading', '.hidden', '-x', 'Case'];
      for (const folderName of names) await harness.store.createFolder(folderName);
      assert.deepEqual((await harness.folders()).sort(), names.sort());
    });

    it('creates one folder per name, also for repeated and concurrent calls', async () => {
      await using harness = await open();
      const folders = await Promise.all(numbers(3).map(() => harness.store.createFolder('spring sale')));
      folders.push(await harness.store.createFolder('spring sale'));
      assert.equal(new Set(folders.map(({ id }) => id)).size, 1);
      assert.deepEqual(await harness.folders(), ['spring sale']);
      assert.ok(folders.every(({ location }) => location !== ''));
    });

    it('creates a separate folder for every odd name, and saves there', async () => {
      await using harness = await open();
      await using work = await tempDir();
      const names = ['..', '../up', 'a/b', '/etc', 'x'.repeat(300), 'ä'.repeat(200)];
      for (const folderName of names) {
        const folder = await harness.store.createFolder(folderName);
        await harness.store.save(folder, '0001.mp4', await file(work, folderName), FOREVER);
        assert.equal(await harness.read(folder, '0001.mp4'), folderName);
      }
      assert.equal((await harness.folders()).length, names.length);
    });

    it('moves a file there, with nothing left beside it', async () => {
      await using harness = await open();
      await using work = await tempDir();
      const folder = await harness.store.createFolder('task');
      const source = await file(work, 'vidéo');
      const saved = await harness.store.save(folder, '0001-hook-abcdef.mp4', source, FOREVER);
      assert.equal(saved.bytes, 6);
      assert.ok(URL.canParse(saved.url), saved.url);
      assert.equal(await harness.read(folder, '0001-hook-abcdef.mp4'), 'vidéo');
      assert.deepEqual(await harness.list(folder), ['0001-hook-abcdef.mp4']);
      assert.equal(existsSync(source), false);
    });

    it('replaces a file of the same name', async () => {
      await using harness = await open();
      await using work = await tempDir();
      const folder = await harness.store.createFolder('task');
      const first = await harness.store.save(folder, 'a.mp4', await file(work, 'first'), FOREVER);
      const second = await harness.store.save(folder, 'a.mp4', await file(work, 'the second'), FOREVER);
      assert.deepEqual([first.bytes, second.bytes], [5, 10]);
      assert.equal(await harness.read(folder, 'a.mp4'), 'the second');
      assert.deepEqual(await harness.list(folder), ['a.mp4']);
    });

    it('leaves one complete file of three saved concurrently under one name', async () => {
      await using harness = await open();
      await using work = await tempDir();
      const folder = await harness.store.createFolder('task');
      const contents = numbers(3).map((at) => `${at}`.repeat(300_000));
      const sources = await Promise.all(contents.map((content) => file(work, content)));
      await Promise.all(sources.map((source) => harness.store.save(folder, 'a.mp4', source, FOREVER)));
      assert.ok(contents.includes(await harness.read(folder, 'a.mp4')));
      assert.deepEqual(await harness.list(folder), ['a.mp4']);
    });

    it('removes the named files that exist, and no others', async () => {
      await using harness = await open();
      await using work = await tempDir();
      const folder = await harness.store.createFolder('task');
      const other = await harness.store.createFolder('other');
      for (const name of ['a.mp4', 'b.mp4', "it's.mp4"]) {
        await harness.store.save(folder, name, await file(work, name), FOREVER);
        await harness.store.save(other, name, await file(work, name), FOREVER);
      }
      for (const _ of numbers(2)) {
        await harness.store.remove(folder, ['b.mp4', 'never there.mp4', "it's.mp4", '../other/a.mp4']);
        assert.deepEqual(await harness.list(folder), ['a.mp4']);
      }
      assert.equal((await harness.list(other)).length, 3);
    });

    it('refuses a name that is not a plain file name, and removes nothing by it', async () => {
      await using harness = await open();
      await using work = await tempDir();
      const folder = await harness.store.createFolder('task');
      const other = await harness.store.createFolder('other');
      await harness.store.save(other, 'a.mp4', await file(work, 'mine'), FOREVER);
      const source = await file(work, 'video');
      for (const name of [
        ...['', '.', '..', '../other/a.mp4', '/etc/a.mp4', 'sub/a.mp4', `${work.path}/a.mp4`],
        ...['a\0.mp4', 'a\n.mp4', '\u001b[2J.mp4', 'a\u0085.mp4', `${'x'.repeat(300)}.mp4`],
      ]) {
        const saving = harness.store.save(folder, name, source, FOREVER);
        await assert.rejects(saving, /Expected a plain file name/, JSON.stringify(name));
        await harness.store.remove(folder, [name]);
      }
      assert.deepEqual(await harness.list(folder), []);
      assert.deepEqual(await harness.list(other), ['a.mp4']);
      assert.equal(existsSync(source), true);
    });

    it('saves nothing into a folder that is not one of its own, and removes nothing from it', async () => {
      await using harness = await open();
      await using work = await tempDir();
      const folder = await harness.store.createFolder('task');
      await harness.store.save(folder, 'a.mp4', await file(work, 'mine'), FOREVER);
      const ids = [
        '',
        'task',
        '..',
        './task',
        `${folder.id}/../task`,
        `${folder.id}/..`,
        'gs://another-bucket/task/',
      ];
      for (const id of ids) {
        const elsewhere = { id, location: id };
        await assert.rejects(
          harness.store.save(elsewhere, 'b.mp4', await file(work, 'b'), FOREVER),
          Error,
          id,
        );
        await harness.store.remove(elsewhere, ['a.mp4']);
      }
      assert.deepEqual(await harness.list(folder), ['a.mp4']);
    });

    it('removes nothing from a folder that no longer exists', async () => {
      await using harness = await open();
      await harness.store.remove({ id: 'gone', location: 'gone' }, ['a.mp4']);
    });

    it('saves nothing after an abort, and rejects with the reason', async () => {
      await using harness = await open();
      await using work = await tempDir();
      const folder = await harness.store.createFolder('task');
      const reason = new Error('The lease was lost');
      const source = await file(work, 'video');
      await assert.rejects(harness.store.save(folder, 'a.mp4', source, AbortSignal.abort(reason)), reason);
      assert.deepEqual(await harness.list(folder), []);
    });

    describe('of a task and of its retry under the same name', () => {
      const NAME = 'a.mp4';
      const task = (isCurrent: FileOwner['isCurrent']): FileOwner => ({ taskId: 'task', isCurrent });
      const retry = (isCurrent: FileOwner['isCurrent']): FileOwner => ({ taskId: 'retry', isCurrent });
      const yes = async () => true;
      const no = async () => false;
      const isLate = (error: unknown) => TransientError.is(error) && error.code === 'waiting';

      async function opened() {
        const harness = await open();
        const work = await tempDir();
        const folder = await harness.store.createFolder('task');
        return {
          ...harness,
          save: async (text: string, owner: FileOwner) =>
            harness.store.save(folder, NAME, await file(work, text), FOREVER, owner),
          remove: (owner: FileOwner) => harness.store.remove(folder, [NAME], owner),
          async has(...texts: string[]) {
            assert.deepEqual(
              await harness.list(folder),
              texts.map(() => NAME),
            );
            for (const text of texts) assert.equal(await harness.read(folder, NAME), text);
          },
          async [Symbol.asyncDispose]() {
            await harness[Symbol.asyncDispose]();
            await work[Symbol.asyncDispose]();
          },
        };
      }

      it('removes what the task itself saved, also twice', async () => {
        await using outputs = await opened();
        await outputs.save('first', task(yes));
        await outputs.save('second', task(yes));
        await outputs.has('second');
        for (const _ of numbers(2)) await outputs.remove(task(yes));
        await outputs.has();
        await outputs.save('third', task(yes));
        await outputs.has('third');
      });

      it('saves nothing that is late, with or without a file of the retry', async () => {
        await using outputs = await opened();
        await assert.rejects(outputs.save('late', task(no)), isLate);
        await outputs.has();
        await outputs.save("the retry's", retry(yes));
        await assert.rejects(outputs.save('late', task(no)), isLate);
        await outputs.has("the retry's");
      });

      it('removes nothing of the retry, even if it has the same bytes', async () => {
        for (const texts of [
          ['first', 'second'],
          ['same', 'same'],
        ] as const) {
          await using outputs = await opened();
          await outputs.save(texts[0], task(yes));
          await outputs.save(texts[1], retry(yes));
          await outputs.remove(task(no));
          await outputs.has(texts[1]);
          await outputs.remove(retry(yes));
          await outputs.has();
        }
      });

      it("keeps the retry's file if it is saved while the task's is about to get the name", async () => {
        for (const size of [1, 300_000]) {
          await using outputs = await opened();
          let saving: Promise<unknown> | undefined;
          const overtaken = async () => {
            if (saving !== undefined) return false;
            saving = outputs.save('retry '.repeat(size), retry(yes));
            await Promise.race([saving, pause(100)]);
            return true;
          };
          await outputs.save('late '.repeat(size), task(overtaken)).catch((error: unknown) => {
            assert.ok(isLate(error), String(error));
          });
          await saving;
          await outputs.remove(task(no));
          await outputs.has('retry '.repeat(size));
        }
      });

      it("keeps the retry's file if it is saved while the task's is about to be removed", async () => {
        await using outputs = await opened();
        await outputs.save('first', task(yes));
        let saving: Promise<unknown> | undefined;
        const overtaken = async () => {
          saving ??= outputs.save("the retry's", retry(yes));
          await Promise.race([saving, pause(100)]);
          return true;
        };
        await outputs.remove(task(overtaken));
        await (saving ?? outputs.save("the retry's", retry(yes)));
        await outputs.has("the retry's");
      });
    });
  });
}

/** Creates a file with that text, ready to be saved. */
export async function file(work: TempDir, text: string): Promise<string> {
  const path = join(work.path, crypto.randomUUID());
  await writeFile(path, text);
  return path;
}
