import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PermanentError } from '../../../functions/base/errors.ts';
import { numbers, TIMEOUT_MS } from '../../contracts/harness.ts';
import { file } from '../../contracts/outputs.ts';
import { type DriveStage, driveStage } from '../../fixtures/drive/stage.ts';
import { repeated } from '../../fixtures/system/repeated.ts';

const FOREVER = new AbortController().signal;
const PATHS = ['de', 'fr', 'es'].flatMap((group) =>
  ['9x16', '1x1', '16x9'].map((format) => `${group}/${format}`),
);

/** Paths of all folders below one, sorted; a twin would be listed twice. */
function foldersBelow(stage: DriveStage, id: string, prefix = ''): string[] {
  return stage.server
    .list(id)
    .flatMap((item) => [`${prefix}${item.name}`, ...foldersBelow(stage, item.id, `${prefix}${item.name}/`)])
    .sort();
}

describe('sub-folders on Google Drive', { timeout: TIMEOUT_MS }, () => {
  it('have no twins after twenty concurrent calls of five adapters, with lost answers and 503s', async () => {
    await using stage = await driveStage();
    const { faults } = stage.server;
    faults.add('create', { does: 'lose' }, { skip: 1, times: 4 });
    faults.add('create', { does: 'refuse', status: 503 }, { skip: 6, times: 3 });
    faults.add('list', { does: 'lose' }, { skip: 2, times: 2 });
    const adapters = numbers(5).map(() => stage.outputs());
    const made = await Promise.all(
      numbers(20).map((at) =>
        repeated(() =>
          (adapters[at % 5] as (typeof adapters)[0]).createFolder(
            'sale',
            FOREVER,
            at % 2 ? PATHS : PATHS.toReversed(),
          ),
        ),
      ),
    );
    const ids = made.map(({ folders = {} }) => JSON.stringify(Object.entries(folders).sort()));
    assert.equal(new Set(ids).size, 1);
    const groups = ['de', 'fr', 'es'];
    assert.deepEqual(
      foldersBelow(stage, stage.folderId),
      ['sale', ...groups.map((name) => `sale/${name}`), ...PATHS.map((path) => `sale/${path}`)].sort(),
    );
  });

  it('are found without the stored ids, and made again after they went to the trash', async () => {
    await using stage = await driveStage();
    const first = await stage.outputs().createFolder('sale', FOREVER, ['de/9x16']);
    const memo = {
      recall: async (keys: readonly string[]) => keys.map(() => undefined),
      settle: async (_: string, id: string) => id,
      remember: async () => {},
    };
    assert.deepEqual(await stage.outputs({ memo }).createFolder('sale', FOREVER, ['de/9x16']), first);
    Object.assign(stage.server.state.files.get(first.folders?.['de'] ?? '') ?? {}, { trashed: true });
    const later = await stage.outputs().createFolder('sale', FOREVER, ['de/9x16']);
    assert.equal(later.id, first.id);
    assert.notEqual(later.folders?.['de'], first.folders?.['de']);
    assert.notEqual(later.folders?.['de/9x16'], first.folders?.['de/9x16']);
  });

  it('keep a video in the sub-folder it belongs to, by its stored id', async () => {
    await using stage = await driveStage();
    const folder = await stage.outputs().createFolder('sale', FOREVER, ['de', 'fr']);
    const save = async (text: string) =>
      stage.outputs().save(folder, 'de/a.mp4', await file(stage.dir, text), FOREVER);
    const { url } = await save('first');
    assert.equal((await save('second')).url, url);
    assert.equal(stage.server.list(folder.folders?.['de'] ?? '').length, 1);
    assert.equal(stage.server.list(folder.folders?.['fr'] ?? '').length, 0);
    const elsewhere = { ...folder, folders: { de: '../x' } };
    await assert.rejects(
      stage.outputs().save(elsewhere, 'de/a.mp4', await file(stage.dir, 'x'), FOREVER),
      PermanentError,
    );
  });
});
