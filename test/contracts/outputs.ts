import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import type { OutputFolder } from '../../functions/model/task.ts';
import type { FileOwner, FoundFile, OutputStore } from '../../functions/ports/outputs.ts';
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

    describe('and finds what was saved', () => {
      const OWNER: FileOwner = { taskId: 'task', isCurrent: async () => true };
      const NAME = "0001-vidéo it's-abcdef.mp4";
      const TEXT = '0123456789'.repeat(50_000);

      async function saved(text = TEXT) {
        const harness = await open();
        const work = await tempDir();
        const folder = await harness.store.createFolder('task');
        const save = async (content: string) =>
          harness.store.save(folder, NAME, await file(work, content), FOREVER, OWNER);
        await save(text);
        return {
          store: harness.store,
          folder,
          save,
          find: () => harness.store.find(folder, NAME, OWNER, FOREVER),
          async found() {
            const found = await harness.store.find(folder, NAME, OWNER, FOREVER);
            assert.ok(found);
            return found;
          },
          async [Symbol.asyncDispose]() {
            await harness[Symbol.asyncDispose]();
            await work[Symbol.asyncDispose]();
          },
        };
      }

      it('reads all of it and any part of it, in small pieces', async () => {
        await using outputs = await saved();
        const found = await outputs.found();
        assert.equal(found.bytes, TEXT.length);
        assert.ok(found.modifiedAt > 0 && found.modifiedAt < Date.now() + 60_000);
        assert.equal(await textOf(found), TEXT);
        const parts = [
          [0, 0],
          [9, 12],
          [100_000, 300_000],
          [TEXT.length - 1, TEXT.length - 1],
        ] as const;
        for (const [from, to] of parts)
          assert.equal(await textOf(found, { from, to }), TEXT.slice(from, to + 1));
        assert.equal(await textOf(found, { from: 499_990 }), '0123456789');
        for await (const piece of found.read({ signal: FOREVER })) assert.ok(piece.length <= 2 ** 20);
      });

      it('reads a file without bytes', async () => {
        await using outputs = await saved('');
        assert.equal(await textOf(await outputs.found()), '');
      });

      it('tells other bytes by another version, and never mixes them with those that were found', async () => {
        await using outputs = await saved();
        const first = await outputs.found();
        assert.equal((await outputs.found()).version, first.version);
        assert.match(first.version, /^[\w-]+$/);
        await outputs.save('other');
        assert.notEqual((await outputs.found()).version, first.version);
        await assert.rejects(textOf(first, { from: 1 }), PermanentError.is);
        assert.equal(await textOf(await outputs.found()), 'other');
      });

      it('finds nothing that was removed, and reads nothing of it', async () => {
        await using outputs = await saved();
        const first = await outputs.found();
        await outputs.store.remove(outputs.folder, [NAME], OWNER);
        assert.equal(await outputs.find(), undefined);
        await assert.rejects(textOf(first), PermanentError.is);
      });

      it('finds nothing under another name, and nothing in a folder that is not one of its own', async () => {
        await using outputs = await saved();
        const other = await outputs.store.createFolder('other');
        for (const name of ['', '.', '..', 'never.mp4', `../task/${NAME}`, `${NAME}/`, 'a\0.mp4']) {
          assert.equal(await outputs.store.find(outputs.folder, name, OWNER, FOREVER), undefined, name);
          assert.equal(await outputs.store.find(other, name, OWNER, FOREVER), undefined, name);
        }
        for (const id of ['', 'task', `${other.id}/../task`, 'gs://another-bucket/task/']) {
          const found = await outputs.store.find({ id, location: id }, NAME, OWNER, FOREVER);
          assert.equal(found, undefined, id);
        }
      });

      it('stops when told to, with the reason, also while nobody takes the pieces', async () => {
        await using outputs = await saved();
        const found = await outputs.found();
        const reason = new Error('The client is gone');
        await assert.rejects(textOf(found, { signal: AbortSignal.abort(reason) }), reason);
        const stop = new AbortController();
        const pieces = found.read({ signal: stop.signal });
        assert.equal((await pieces.next()).done, false);
        stop.abort(reason);
        await assert.rejects(pieces.next());
      });

      it('leaves nothing open for a reader who stops early', async () => {
        await using outputs = await saved();
        const found = await outputs.found();
        for await (const piece of found.read({ signal: FOREVER })) {
          assert.ok(piece.length > 0);
          break;
        }
        assert.equal(await textOf(found), TEXT);
      });
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

async function textOf(
  found: FoundFile,
  range: Partial<Parameters<FoundFile['read']>[0]> = {},
): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of found.read({ signal: FOREVER, ...range })) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Creates a file with that text, ready to be saved. */
export async function file(work: TempDir, text: string | Uint8Array): Promise<string> {
  const path = join(work.path, crypto.randomUUID());
  await writeFile(path, text);
  return path;
}
