import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { PermanentCode } from '../../../functions/base/codes.ts';
import { PermanentError, RequestError, TransientError } from '../../../functions/base/errors.ts';
import type { OutputFolder } from '../../../functions/model/task.ts';
import type { Memo } from '../../../functions/ports/memo.ts';
import { numbers, TIMEOUT_MS, until } from '../../contracts/harness.ts';
import { file, type OutputHarness, outputContract } from '../../contracts/outputs.ts';
import { subFolderContract } from '../../contracts/sub-folders.ts';
import { FOLDER_TYPE, ROBOT, USER } from '../../fixtures/drive/server.ts';
import { type DriveStage, defaultCredentials, driveStage } from '../../fixtures/drive/stage.ts';
import { failureOf } from '../../fixtures/network/downloading.ts';
import { repeated } from '../../fixtures/system/repeated.ts';

const FOREVER = new AbortController().signal;

for (const place of ['in My Drive', 'on a shared drive'] as const) {
  const drive = async (): Promise<OutputHarness> => {
    const stage = await driveStage();
    const { server } = stage;
    const folderId =
      place === 'in My Drive' ? stage.folderId : server.state.addDrive({ [USER]: 'fileOrganizer' });
    return {
      store: stage.outputs({ folderId }),
      list: async ({ id }) => server.list(id).map(({ name }) => name),
      read: async ({ id }, fileName) => {
        const found = server.list(id).find(({ name }) => name === fileName);
        return server.read(found?.id ?? '').toString();
      },
      folders: async () => server.list(folderId).map(({ name }) => name),
      [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
    };
  };
  outputContract(`drive, ${place},`, drive);
  subFolderContract(`drive, ${place},`, drive);
}

describe('drive outputs', { timeout: TIMEOUT_MS }, () => {
  const ALPHABETS = [
    "it's",
    String.raw`back\slash`,
    String.raw`\' or name contains 'x`,
    '"quoted"',
    'Ünïcödé 🎬',
    '春のセール',
    'весна',
    'مرحبا',
    'אביב',
    'वसंत',
    'a/b',
    'name and trashed = true',
    'new\nline',
    'ad\u202e4pm',
  ];

  it('have folders named exactly as their tasks, but for what is not seen, and find them again without the ids', async () => {
    await using stage = await driveStage();
    const made = new Map<string, string>();
    for (const name of ALPHABETS) made.set(name, (await stage.outputs().createFolder(name)).id);
    assert.deepEqual(
      stage.server.list(stage.folderId).map(({ name }) => name),
      ALPHABETS.map((name) => name.replace(/[\n\u202e]/, '_')),
    );
    const memo: Memo = {
      recall: async (keys) => keys.map(() => undefined),
      settle: async (_, id) => id,
      remember: async () => {},
    };
    for (const [name, id] of made) assert.equal((await stage.outputs({ memo }).createFolder(name)).id, id);
  });

  it('make one folder for fifty concurrent calls of five adapters that share their ids', async () => {
    await using stage = await driveStage();
    const adapters = numbers(5).map(() => stage.outputs());
    const made = await Promise.all(
      numbers(50).map((at) => (adapters[at % 5] as (typeof adapters)[0]).createFolder('sale')),
    );
    assert.equal(new Set(made.map(({ id }) => id)).size, 1);
    assert.equal(stage.server.list(stage.folderId).length, 1);
  });

  it('make one folder even if the answer to the first call was lost', async () => {
    await using stage = await driveStage();
    stage.server.faults.add('create', { does: 'lose' });
    const outputs = stage.outputs();
    assert.ok(TransientError.is(await failureOf(outputs.createFolder('sale'), 'network')));
    const { id } = await outputs.createFolder('sale');
    assert.deepEqual(
      stage.server.list(stage.folderId).map((folder) => folder.id),
      [id],
    );
    assert.deepEqual(
      stage.server.seen('create').map(({ status }) => status),
      [0],
      'the second call looks for the id that the first one drew',
    );
  });

  it('make one folder for fifty concurrent calls of five adapters, with lost answers and 503s', async () => {
    await using stage = await driveStage();
    const { faults } = stage.server;
    faults.add('create', { does: 'lose' }, { times: 3 });
    faults.add('create', { does: 'refuse', status: 503 }, { skip: 3, times: 3 });
    for (const kind of ['get', 'list', 'generateIds', 'about'] as const) {
      faults.add(kind, { does: 'lose' }, { times: 2 });
      faults.add(kind, { does: 'refuse', status: 503 }, { skip: 2, times: 2 });
    }
    const adapters = numbers(5).map(() => stage.outputs());
    const made = await Promise.all(
      numbers(50).map((at) =>
        repeated(() => (adapters[at % 5] as (typeof adapters)[0]).createFolder('sale')),
      ),
    );
    assert.equal(new Set(made.map(({ id }) => id)).size, 1);
    assert.equal(stage.server.list(stage.folderId).length, 1);
  });

  it('return the folder that another process makes under their id at the same time', async () => {
    await using stage = await driveStage();
    const { server, folderId: parent } = stage;
    const memo: Memo = {
      ...stage.memo,
      async settle(...given) {
        const id = await stage.memo.settle(...given);
        server.state.add({ id, name: 'sale', mimeType: FOLDER_TYPE, parent });
        return id;
      },
    };
    const { id } = await stage.outputs({ memo }).createFolder('sale');
    assert.deepEqual(
      server.list(parent).map((folder) => folder.id),
      [id],
    );
    assert.deepEqual(
      server.seen('create').map(({ status }) => status),
      [409],
    );
  });

  it('use the oldest folder that someone made by hand, and none with a similar name', async () => {
    await using stage = await driveStage();
    const { server, folderId: parent } = stage;
    server.state.add({ name: 'SALE', mimeType: FOLDER_TYPE, parent });
    server.state.add({ name: 'sale', mimeType: 'video/mp4', parent });
    const oldest = server.state.add({ name: 'sale', mimeType: FOLDER_TYPE, parent });
    server.state.add({ name: 'sale', mimeType: FOLDER_TYPE, parent });
    for (const outputs of [stage.outputs(), stage.outputs()]) {
      assert.equal((await outputs.createFolder('sale')).id, oldest);
    }
    assert.equal(server.seen('create').length, 0);
    assert.equal(server.seen('list').length, 1, 'the second knew it');
  });

  it('make another folder if theirs was trashed, renamed, or deleted permanently', async () => {
    await using stage = await driveStage();
    const { state } = stage.server;
    const outputs = stage.outputs();
    const seen = new Set<string>();
    for (const spoil of [
      (id: string) => Object.assign(state.files.get(id) ?? {}, { trashed: true }),
      (id: string) => Object.assign(state.files.get(id) ?? {}, { name: 'mine' }),
      (id: string) => state.files.delete(id),
      () => {},
    ]) {
      const { id } = await outputs.createFolder('sale');
      assert.ok(!seen.has(id));
      assert.equal((await stage.outputs().createFolder('sale')).id, id);
      seen.add(id);
      spoil(id);
    }
  });

  it('use the id of a process that died between drawing it and making the folder', async () => {
    await using stage = await driveStage();
    stage.server.faults.add('create', { does: 'refuse', status: 403, reason: 'insufficientFilePermissions' });
    await assert.rejects(stage.outputs().createFolder('sale'));
    const [known] = await stage.memo.recall([`drive/folder/${stage.folderId}/sale`]);
    assert.equal((await stage.outputs().createFolder('sale')).id, known);
  });

  it('draw another id if the kept one is refused because another account drew it', async () => {
    await using stage = await driveStage();
    await stage.memo.settle(`drive/folder/${stage.folderId}/sale`, 'drawn-by-another-account');
    const { id } = await stage.outputs().createFolder('sale');
    assert.notEqual(id, 'drawn-by-another-account');
    assert.deepEqual(
      stage.server.list(stage.folderId).map((folder) => folder.id),
      [id],
    );
    stage.server.faults.add('create', { does: 'refuse', status: 400, reason: 'badRequest' }, { times: 9 });
    await assert.rejects(stage.outputs().createFolder('other'), { message: 'As the test asked for' });
  });

  it('leave no unhandled rejection if a save is stopped while ids are refused', async () => {
    await using stage = await driveStage();
    const folder = await stage.outputs().createFolder('sale');
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const host = new AbortController();
    const memo: Memo = {
      ...stage.memo,
      async recall(keys) {
        host.abort(new Error('The host stops'));
        return stage.memo.recall(keys);
      },
    };
    stage.server.faults.add(
      'generateIds',
      { does: 'refuse', status: 403, reason: 'domainPolicy' },
      { times: 9 },
    );
    const save = stage.outputs({ memo }).save(folder, 'a.mp4', await file(stage.dir, 'video'), host.signal);
    await assert.rejects(save, /The host stops/);
    await until(() => stage.server.seen('generateIds').some(({ status }) => status === 403), 'the refusal');
    await new Promise((resolve) => setTimeout(resolve, 50));
    process.off('unhandledRejection', note);
    assert.deepEqual(unhandled, []);
  });

  it('draw another id for a file, too, if the kept one is refused', async () => {
    await using stage = await driveStage();
    const folder = await stage.outputs().createFolder('sale');
    await stage.memo.settle(`drive/file/${folder.id}/a.mp4`, 'drawn-by-another-account');
    await stage.outputs().save(folder, 'a.mp4', await file(stage.dir, 'video'), FOREVER);
    assert.deepEqual(
      stage.server.list(folder.id).map(({ name }) => name),
      ['a.mp4'],
    );
  });

  it('stop making a folder when told to, also while ids are drawn for other callers', async () => {
    await using stage = await driveStage();
    const outputs = stage.outputs();
    const folder = await outputs.createFolder('sale');
    // All ids of the first draw are given out.
    for (let at = 0; at < 49; at++) {
      await outputs.save(folder, `${at}.mp4`, await file(stage.dir, 'v'), FOREVER);
    }
    stage.server.faults.add('generateIds', { does: 'stall' }, { times: 9 });
    const host = new AbortController();
    const saving = outputs.save(folder, 'more.mp4', await file(stage.dir, 'v'), host.signal);
    const stopped = assert.rejects(saving, /The test is over/);
    await until(() => stage.server.seen('generateIds').length === 2, 'a draw');
    const late = new Error('The caller waits no longer');
    const caller = new AbortController();
    const making = assert.rejects(outputs.createFolder('other', caller.signal), late);
    await until(() => stage.server.seen('list').length === 2, 'the call before the draw');
    caller.abort(late);
    await making;
    assert.equal(stage.server.seen('generateIds').length, 2, 'the draw under way is for all who wait');
    host.abort(new Error('The test is over'));
    await stopped;
  });

  it('look at DRIVE_FOLDER_ID once a minute, not for every task', async () => {
    await using stage = await driveStage();
    const outputs = stage.outputs();
    for (const name of ['a', 'b', 'c']) await outputs.createFolder(name);
    assert.equal(stage.server.seen('about').length, 1);
  });

  it("take 'root' for the account's own My Drive", async () => {
    await using stage = await driveStage();
    const { id } = await stage.outputs({ folderId: 'root' }).createFolder('sale');
    const root = stage.server.state.rootOf(USER);
    assert.ok(stage.server.list(root).some((folder) => folder.id === id));
  });

  it('upload nothing again for a process that died after the upload', async () => {
    await using stage = await driveStage();
    const folder = await stage.outputs().createFolder('sale');
    const video = 'v'.repeat(600_000);
    const first = await stage.outputs().save(folder, 'a.mp4', await file(stage.dir, video), FOREVER);
    const sent = stage.server.seen('upload.begin', 'upload.send').length;
    const source = await file(stage.dir, video);
    const second = await stage.outputs().save(folder, 'a.mp4', source, FOREVER);
    assert.deepEqual(second, first);
    assert.equal(stage.server.seen('upload.begin', 'upload.send').length, sent);
    assert.equal(stage.server.list(folder.id).length, 1);
    assert.equal(existsSync(source), false);
  });

  it('leave one file if two processes upload it at once', async () => {
    await using stage = await driveStage();
    const folder = await stage.outputs().createFolder('sale');
    const sources = await Promise.all(numbers(2).map(() => file(stage.dir, 'v'.repeat(600_000))));
    await Promise.all(sources.map((source) => stage.outputs().save(folder, 'a.mp4', source, FOREVER)));
    assert.deepEqual(
      stage.server.list(folder.id).map(({ name, bytes }) => [name, bytes]),
      [['a.mp4', 600_000]],
    );
  });

  it('save fifty files at once by five adapters, into one folder, none twice', async () => {
    await using stage = await driveStage();
    const adapters = numbers(5).map(() => stage.outputs());
    stage.server.faults.add('upload.send', { does: 'lose' }, { skip: 3, times: 5 });
    stage.server.faults.add('upload.begin', { does: 'refuse', status: 503 }, { skip: 20, times: 5 });
    await Promise.all(
      numbers(50).map(async (at) => {
        const outputs = adapters[at % 5] as (typeof adapters)[0];
        const folder = await outputs.createFolder('sale');
        const source = await file(stage.dir, `video ${at}`);
        await repeated(() => outputs.save(folder, `${at}.mp4`, source, FOREVER));
      }),
    );
    const [folder, ...others] = stage.server.list(stage.folderId);
    assert.equal(others.length, 0);
    const names = stage.server.list(folder?.id ?? '').map(({ name }) => name);
    assert.deepEqual(
      names.sort(),
      numbers(50)
        .map((at) => `${at}.mp4`)
        .sort(),
    );
  });

  it('draw ids fifty at a time', async () => {
    await using stage = await driveStage();
    const outputs = stage.outputs();
    const folder = await outputs.createFolder('sale');
    for (const at of numbers(10)) {
      await outputs.save(folder, `${at}.mp4`, await file(stage.dir, 'video'), FOREVER);
    }
    assert.equal(stage.server.seen('generateIds').length, 1);
  });

  it('restore a file that someone trashed, renamed or moved, without sending it again', async () => {
    await using stage = await driveStage();
    const { server } = stage;
    const outputs = stage.outputs();
    const folder = await outputs.createFolder('sale');
    const other = await outputs.createFolder('other');
    const save = async () => outputs.save(folder, 'a.mp4', await file(stage.dir, 'video'), FOREVER);
    await save();
    const [{ id } = { id: '' }] = server.list(folder.id);
    for (const spoiled of [{ trashed: true }, { name: 'b.mp4' }, { parents: [other.id] }]) {
      Object.assign(server.state.files.get(id) ?? {}, spoiled);
      await save();
      assert.deepEqual(
        server.list(folder.id).map((found) => [found.id, found.name]),
        [[id, 'a.mp4']],
      );
      assert.deepEqual(server.list(other.id), []);
    }
    assert.equal(server.seen('upload.begin').length, 1);
  });

  it('make a new file if theirs was deleted permanently', async () => {
    await using stage = await driveStage();
    const folder = await stage.outputs().createFolder('sale');
    const save = async () => stage.outputs().save(folder, 'a.mp4', await file(stage.dir, 'video'), FOREVER);
    const first = await save();
    stage.server.state.files.delete(stage.server.list(folder.id)[0]?.id ?? '');
    const second = await save();
    assert.notEqual(second.url, first.url);
    assert.equal(stage.server.list(folder.id).length, 1);
  });

  it('send a file again that arrived damaged, and give up when it always does', async () => {
    await using stage = await driveStage();
    const { server } = stage;
    const outputs = stage.outputs();
    const folder = await outputs.createFolder('sale');
    server.faults.add('upload.send', { does: 'garble' });
    await outputs.save(folder, 'a.mp4', await file(stage.dir, 'video'), FOREVER);
    const [saved] = server.list(folder.id);
    assert.equal(server.read(saved?.id ?? '').toString(), 'video');
    server.faults.add('upload.send', { does: 'garble' }, { times: 100 });
    const source = await file(stage.dir, 'video');
    const failure = await failureOf(
      outputs.save(folder, 'b.mp4', source, FOREVER),
      'network',
      /other content/,
    );
    assert.ok(TransientError.is(failure));
    assert.ok(existsSync(source), 'what could not be saved is still there');
  });

  it('report a folder that is gone, or in the trash', async () => {
    await using stage = await driveStage();
    const outputs = stage.outputs();
    const save = async (folder: OutputFolder) =>
      outputs.save(folder, 'a.mp4', await file(stage.dir, 'video'), FOREVER);
    const gone = await outputs.createFolder('gone');
    stage.server.state.files.delete(gone.id);
    await failureOf(save(gone), 'output_missing');
    const trashed = await outputs.createFolder('trashed');
    Object.assign(stage.server.state.files.get(trashed.id) ?? {}, { trashed: true });
    await failureOf(save(trashed), 'output_missing', /from the trash/);
  });

  for (const id of ['/data/output/sale', 'gs://bucket/sale', '']) {
    it(`refuse a folder of another output: ${JSON.stringify(id)}`, async () => {
      await using stage = await driveStage();
      const saving = stage
        .outputs()
        .save({ id, location: id }, 'a.mp4', await file(stage.dir, 'video'), FOREVER);
      const failure = await failureOf(saving, 'save_failed', /another OUTPUT/);
      assert.ok(PermanentError.is(failure));
      assert.equal(stage.server.calls.length, 0);
    });
  }

  it('trash the files to be removed, whichever process saved them, and no others', async () => {
    await using stage = await driveStage();
    const folderId = stage.server.state.addDrive({ [USER]: 'fileOrganizer' });
    const folder = await stage.outputs({ folderId }).createFolder('sale');
    for (const name of ['a.mp4', 'b.mp4']) {
      await stage.outputs({ folderId }).save(folder, name, await file(stage.dir, name), FOREVER);
    }
    // One whose upload was begun but never completed, and one that a person put there.
    await stage.memo.settle(`drive/file/${folder.id}/c.mp4`, 'drawn-but-not-used');
    stage.server.state.add({ name: 'd.mp4', parent: folder.id });
    await stage.outputs({ folderId }).remove(folder, ['a.mp4', 'c.mp4', 'd.mp4', 'never.mp4']);
    const all = stage.server.list(folder.id, { trashed: true });
    assert.deepEqual(
      all.map(({ name, trashed }) => [name, trashed]),
      [
        ['a.mp4', true],
        ['b.mp4', false],
        ['d.mp4', false],
      ],
    );
    stage.server.state.files.delete(folder.id);
    await stage.outputs({ folderId }).remove(folder, ['b.mp4']);
  });
});

describe('createFolder of drive outputs says before the first video', { timeout: TIMEOUT_MS }, () => {
  const CASES: {
    it: string;
    code: PermanentCode;
    says: RegExp;
    set: (stage: DriveStage) => { folderId: string; robot?: boolean };
  }[] = [
    {
      it: 'that DRIVE_FOLDER_ID does not exist',
      code: 'output_missing',
      says: /check DRIVE_FOLDER_ID/,
      set: () => ({ folderId: 'nobody-knows-this-id' }),
    },
    {
      it: 'that it is not a folder',
      code: 'output_missing',
      says: /got video\/mp4/,
      set: ({ server }) => ({ folderId: server.state.add({ name: 'a.mp4' }) }),
    },
    {
      it: 'that it is in the trash because of the folder above it',
      code: 'output_missing',
      says: /trash.*restore it/,
      set({ server }) {
        const above = server.state.add({ name: 'old', mimeType: FOLDER_TYPE, trashed: true });
        return { folderId: server.state.add({ name: 'x', mimeType: FOLDER_TYPE, parent: above }) };
      },
    },
    {
      it: 'that the account may only read it',
      code: 'output_forbidden',
      says: /owner@example\.com as Content manager/,
      set: ({ server }) => ({ folderId: server.state.addDrive({ [USER]: 'reader' }) }),
    },
    {
      it: 'that a service account owns no storage in My Drive',
      code: 'output_full',
      says: /shared drive/,
      set({ server, folderId }) {
        const editor = { type: 'user', emailAddress: ROBOT, role: 'writer' } as const;
        server.state.files.get(folderId)?.permissions.push(editor);
        return { folderId, robot: true };
      },
    },
    {
      it: 'that the storage is full',
      code: 'output_full',
      says: /100 of 100 bytes/,
      set({ server, folderId }) {
        server.state.quotaBytes = 100;
        server.state.add({ name: 'big', content: Buffer.alloc(100) });
        return { folderId };
      },
    },
  ];

  for (const { it: title, code, says, set } of CASES) {
    it(title, async () => {
      await using stage = await driveStage();
      const { folderId, robot = false } = set(stage);
      using _found = robot ? defaultCredentials(stage) : undefined;
      const account = stage.account(robot ? { mode: 'adc' } : undefined);
      await assert.rejects(stage.outputs({ folderId, account }).createFolder('sale'), (error) => {
        assert.ok(RequestError.is(error), String(error));
        assert.equal(error.code, 'output_folder');
        assert.ok(PermanentError.is(error.cause) && error.cause.code === code);
        const step = /Next step: (.+)$/.exec(error.cause.message)?.[1] ?? '';
        assert.equal(error.hint?.toLowerCase(), step.toLowerCase(), 'what to do, and nothing else');
        assert.notEqual(step, '');
        assert.match(error.message, says);
        assert.match(error.message, /Next step: /);
        return true;
      });
      assert.equal(stage.server.seen('create').length, 0);
    });
  }

  it('nothing about a full storage or a service account if the folder is on a shared drive', async () => {
    await using stage = await driveStage();
    stage.server.state.quotaBytes = 0;
    const folderId = stage.server.state.addDrive({ [USER]: 'writer', [ROBOT]: 'fileOrganizer' });
    await stage.outputs({ folderId }).createFolder('sale');
    using _found = defaultCredentials(stage);
    const account = stage.account({ mode: 'adc' });
    const outputs = stage.outputs({ folderId, account });
    const folder = await outputs.createFolder('sale');
    await outputs.save(folder, 'a.mp4', await file(stage.dir, 'video'), FOREVER);
    assert.equal(stage.server.list(folder.id).length, 1);
  });

  it('that Drive is busy, after one try', async () => {
    await using stage = await driveStage();
    const outputs = stage.outputs();
    stage.server.faults.add('get', { does: 'refuse', status: 503 });
    assert.ok(TransientError.is(await failureOf(outputs.createFolder('sale'), 'output_busy')));
    assert.equal(stage.server.seen('get').length, 1);
    await outputs.createFolder('sale');
  });

  it('that Drive gives no answer, in time', async () => {
    await using stage = await driveStage();
    const outputs = () => stage.outputs({ account: stage.account(undefined, { callMs: 200 }) });
    stage.server.faults.add('about', { does: 'stall' }, { times: 1000 });
    await failureOf(outputs().createFolder('sale'), 'network');
    stage.server.faults.add('token', { does: 'stall' }, { times: 1000 });
    await failureOf(outputs().createFolder('sale'), 'network');
  });

  it('the reason of the signal, as soon as it fires, whatever call is under way', async () => {
    for (const kind of ['token', 'about', 'list', 'generateIds', 'create'] as const) {
      await using stage = await driveStage();
      stage.server.faults.add(kind, { does: 'stall' }, { times: 9 });
      const caller = new AbortController();
      const making = stage.outputs().createFolder('sale', caller.signal);
      const reason = new Error('The caller waits no longer');
      const refused = assert.rejects(making, reason, kind);
      await until(() => stage.server.seen(kind).length > 0, `a request of ${kind}`);
      caller.abort(reason);
      await refused;
    }
  });
});
