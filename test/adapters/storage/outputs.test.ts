import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createStorageOutputs } from '../../../functions/adapters/storage/outputs.ts';
import type { StorageLimits } from '../../../functions/adapters/storage/storage.ts';
import { PermanentError, RequestError, TransientError } from '../../../functions/base/errors.ts';
import { until } from '../../contracts/harness.ts';
import { file, type OutputHarness, outputContract } from '../../contracts/outputs.ts';
import { subFolderContract } from '../../contracts/sub-folders.ts';
import { connectedTo } from '../../fixtures/storage/connection.ts';
import { startStorageServer } from '../../fixtures/storage/server.ts';
import { repeated } from '../../fixtures/system/repeated.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const FOREVER = new AbortController().signal;
/** More than is sent in one request. */
const LARGE = 'video '.repeat(500_000);

const storage = async (): Promise<OutputHarness> => {
  const server = await startStorageServer();
  const namesUnder = (prefix: string) =>
    [...server.objects.bucket('bucket').keys()].filter((name) => name.startsWith(prefix));
  const prefixOf = (id: string) => id.replace('gs://bucket/', '');
  return {
    store: createStorageOutputs({ storage: connectedTo(server), bucket: 'bucket' }),
    list: async ({ id }) =>
      namesUnder(prefixOf(id))
        .map((name) => name.slice(prefixOf(id).length))
        .filter((name) => name !== ''),
    read: async ({ id }, fileName) =>
      server.objects.find('bucket', `${prefixOf(id)}${fileName}`).body.toString(),
    folders: async () => [...new Set(namesUnder('').map((name) => name.slice(0, name.indexOf('/'))))],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};

outputContract('storage', storage);
subFolderContract('storage', storage);

/** A server, a store on it and a temporary folder; all are removed afterwards. */
async function prepared(limits: Partial<StorageLimits> = {}) {
  const server = await startStorageServer();
  const dir = await tempDir();
  const store = createStorageOutputs({ storage: connectedTo(server, limits), bucket: 'bucket' });
  return {
    server,
    dir,
    store,
    folder: await store.createFolder('sale'),
    text: (name: string) => server.objects.find('bucket', name).body.toString(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

describe('storage outputs', { timeout: 60_000 }, () => {
  it('are found at the URLs that were returned, whatever their names', async () => {
    await using cloud = await prepared();
    const folder = await cloud.store.createFolder('100% sale #1/2');
    assert.deepEqual(folder, {
      id: 'gs://bucket/100% sale #1_2/',
      location: 'https://console.cloud.google.com/storage/browser/bucket/100%25%20sale%20%231_2',
    });
    const source = await file(cloud.dir, 'video');
    const { url } = await cloud.store.save(folder, '0001 ü?.mp4', source, FOREVER);
    assert.equal(url, 'https://storage.cloud.google.com/bucket/100%25%20sale%20%231_2/0001%20%C3%BC%3F.mp4');
    assert.equal(cloud.text('100% sale #1_2/0001 ü?.mp4'), 'video');
  });

  it('are in a folder that the console shows, with a name without control characters', async () => {
    await using cloud = await prepared();
    const { id } = await cloud.store.createFolder('two\r\nlines\t\u0085');
    assert.equal(id, 'gs://bucket/two__lines__/');
    assert.equal(cloud.text('two__lines__/'), '');
  });

  it('have the content type that players and browsers need', async () => {
    await using cloud = await prepared();
    for (const [name, type] of [
      ['a.mp4', 'video/mp4'],
      ['manifest-1.json', 'application/json'],
      ['manifest-1.csv', 'text/csv'],
      ['a.srt', 'application/x-subrip'],
      ['a.de_DE.vtt', 'text/vtt'],
      ['a_thumbnail.jpg', 'image/jpeg'],
      ['other', 'application/octet-stream'],
    ] as const) {
      await cloud.store.save(cloud.folder, name, await file(cloud.dir, name), FOREVER);
      assert.equal(cloud.server.objects.find('bucket', `sale/${name}`).contentType, type);
    }
    await cloud.store.save(cloud.folder, 'large.mp4', await file(cloud.dir, LARGE), FOREVER);
    assert.equal(cloud.server.objects.find('bucket', 'sale/large.mp4').contentType, 'video/mp4');
  });

  for (const [title, status, code, hint] of [
    ['the credentials are not accepted', 401, 'output_login', /^Give the service valid credentials/],
    ['the account may not write', 403, 'output_forbidden', /Storage Object User/],
    ['the bucket does not exist', 404, 'output_missing', /OUTPUT_BUCKET/],
  ] as const) {
    it(`refuse a task, with a hint, if ${title}`, async () => {
      await using cloud = await prepared();
      cloud.server.fault({ operation: 'upload', does: 'status', status, reason: 'forbidden' });
      await assert.rejects(cloud.store.createFolder('another sale'), (error) => {
        assert.ok(RequestError.is(error));
        assert.equal(error.code, 'output_folder');
        assert.match(error.hint ?? '', hint);
        assert.ok(PermanentError.is(error.cause) && error.cause.code === code);
        return true;
      });
      assert.equal(cloud.server.count('upload'), 2);
    });
  }

  it('try to make a folder once, and find or make it at a later try', async () => {
    await using cloud = await prepared();
    const busy = (error: unknown) => TransientError.is(error) && error.code === 'output_busy';
    cloud.server.fault({ operation: 'upload', does: 'status', status: 503, times: 3 });
    await assert.rejects(cloud.store.createFolder('late'), busy);
    assert.equal(cloud.server.count('upload'), 1 + 1);
    const { id } = await repeated(() => cloud.store.createFolder('late'));
    assert.equal(id, 'gs://bucket/late/');
    assert.equal(cloud.server.count('upload'), 1 + 4);
    cloud.server.fault({ operation: 'upload', does: 'lose-answer' });
    await assert.rejects(cloud.store.createFolder('lost'), TransientError.is);
    assert.equal((await cloud.store.createFolder('lost')).id, 'gs://bucket/lost/');
  });

  it('stop making a folder when told to', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'upload', does: 'hang' });
    const caller = new AbortController();
    const reason = new Error('The caller waits no longer');
    const making = cloud.store.createFolder('slow', caller.signal);
    await until(() => cloud.server.count('upload') === 2, 'the request');
    caller.abort(reason);
    await assert.rejects(making, reason);
  });

  it('are sent once by two deliveries of the same message', async () => {
    await using cloud = await prepared();
    const sources = [await file(cloud.dir, LARGE), await file(cloud.dir, LARGE)];
    const [first] = sources as [string];
    await cloud.store.save(cloud.folder, 'a.mp4', first, FOREVER);
    const { generation } = cloud.server.objects.find('bucket', 'sale/a.mp4');
    for (const source of sources.slice(1)) {
      const saved = await cloud.store.save(cloud.folder, 'a.mp4', source, FOREVER);
      assert.equal(saved.bytes, LARGE.length);
    }
    assert.equal(cloud.server.count('resume'), 1);
    assert.equal(cloud.server.objects.find('bucket', 'sale/a.mp4').generation, generation);
    assert.deepEqual(sources.map(existsSync), [false, false]);
  });

  for (const [size, content, operation] of [
    ['small', 'video', 'upload'],
    ['large', LARGE, 'resume'],
  ] as const) {
    it(`are stored once if the answer to a ${size} upload was lost`, async () => {
      await using cloud = await prepared();
      cloud.server.fault({ operation, does: 'lose-answer' });
      const source = await file(cloud.dir, content);
      const save = () => cloud.store.save(cloud.folder, 'a.mp4', source, FOREVER);
      if (operation === 'upload') await assert.rejects(save(), TransientError.is);
      await save();
      assert.equal(cloud.text('sale/a.mp4'), content);
      const { generation } = cloud.server.objects.find('bucket', 'sale/a.mp4');
      await cloud.store.save(cloud.folder, 'b.mp4', await file(cloud.dir, 'b'), FOREVER);
      const next = cloud.server.objects.find('bucket', 'sale/b.mp4').generation;
      assert.equal(Number(next) - Number(generation), 1, 'it was stored more than once');
    });

    it(`are complete after a ${size} upload was damaged, reset, stalled or refused on the way`, async () => {
      for (const fault of [
        { does: 'damage' },
        { does: 'cut', afterBytes: 3 },
        { does: 'stall', afterBytes: 3 },
        { does: 'status', status: 503 },
      ] as const) {
        await using cloud = await prepared(fault.does === 'stall' ? { idleMs: 1_000 } : {});
        cloud.server.fault({ operation, ...fault });
        const source = await file(cloud.dir, content);
        await repeated(() => cloud.store.save(cloud.folder, 'a.mp4', source, FOREVER));
        assert.equal(cloud.text('sale/a.mp4'), content, fault.does);
      }
    });

    it(`are not partly saved, and do not delay the caller, when a ${size} upload is stopped`, async () => {
      await using cloud = await prepared();
      cloud.server.fault({ operation, does: 'stall', afterBytes: 3 });
      const source = await file(cloud.dir, content);
      const stop = new AbortController();
      const reason = new Error('The lease was lost');
      const saving = cloud.store.save(cloud.folder, 'a.mp4', source, stop.signal);
      const begun = () => cloud.server.requests.at(-1);
      await until(() => begun()?.operation === operation && (begun()?.received ?? 0) > 0, 'an upload');
      stop.abort(reason);
      await assert.rejects(saving, reason);
      assert.ok(existsSync(source));
      // The client cannot end an upload of one request.
      if (operation === 'resume') await until(() => begun()?.closed === true, 'the connection to be closed');
      assert.throws(() => cloud.text('sale/a.mp4'), /No such object/);
    });
  }

  it('are resumed at the byte where a large upload broke off', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'resume', does: 'cut', afterBytes: 2_000_000 });
    await cloud.store.save(cloud.folder, 'a.mp4', await file(cloud.dir, LARGE), FOREVER);
    assert.equal(cloud.text('sale/a.mp4'), LARGE);
    const [first, second, ...more] = cloud.server.requests.filter(({ operation }) => operation === 'resume');
    assert.deepEqual(more, []);
    assert.ok((second?.received ?? 0) <= LARGE.length - 7 * 256 * 1024, `${second?.received} came again`);
    assert.ok((first?.received ?? 0) >= 2_000_000);
    assert.equal(cloud.server.count('start'), 1);
  });

  it('give up an upload that breaks off again and again', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'resume', does: 'cut', afterBytes: 3, times: 99 });
    const source = await file(cloud.dir, LARGE);
    await assert.rejects(
      cloud.store.save(cloud.folder, 'a.mp4', source, FOREVER),
      (error) => TransientError.is(error) && error.code === 'network',
    );
    assert.equal(cloud.server.count('resume'), 3);
    assert.equal(cloud.server.count('start'), 1);
    assert.ok(existsSync(source));
    cloud.server.clearFaults();
    await cloud.store.save(cloud.folder, 'a.mp4', source, FOREVER);
    assert.equal(cloud.text('sale/a.mp4'), LARGE);
  });

  it('are sent from the start if the interrupted upload is no longer known', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'resume', does: 'cut', afterBytes: 1_000_000 });
    cloud.server.fault({
      operation: 'status',
      does: 'status',
      status: 410,
      reason: 'uploadBrokenConnection',
    });
    const source = await file(cloud.dir, LARGE);
    await assert.rejects(cloud.store.save(cloud.folder, 'a.mp4', source, FOREVER), TransientError.is);
    assert.equal(cloud.server.count('start'), 1);
    await cloud.store.save(cloud.folder, 'a.mp4', source, FOREVER);
    assert.equal(cloud.text('sale/a.mp4'), LARGE);
    assert.equal(cloud.server.count('start'), 2);
  });

  it('replace a version that was written meanwhile, but never one that they have not seen', async () => {
    await using cloud = await prepared();
    const write = (text: string) =>
      void cloud.server.objects.insert('bucket', 'sale/a.mp4', Buffer.from(text), {});
    write('of before');
    for (const text of ['meanwhile', 'also']) {
      cloud.server.fault({ operation: 'upload', does: 'after', work: () => write(text) });
    }
    await cloud.store.save(cloud.folder, 'a.mp4', await file(cloud.dir, 'mine'), FOREVER);
    assert.equal(cloud.text('sale/a.mp4'), 'mine');
    const matches = cloud.server.requests
      .filter(({ object, operation }) => object === 'sale/a.mp4' && operation === 'upload')
      .map(({ url }) => new URL(url, cloud.server.url).searchParams.get('ifGenerationMatch'));
    assert.equal(new Set(matches).size, matches.length, 'each try expects what was seen last');
    assert.equal(matches[0], '0');
  });

  it('are those of another delivery that saves the same first', async () => {
    await using cloud = await prepared();
    cloud.server.fault({
      operation: 'upload',
      does: 'after',
      work: () => cloud.server.objects.insert('bucket', 'sale/a.mp4', Buffer.from('same'), {}),
    });
    await cloud.store.save(cloud.folder, 'a.mp4', await file(cloud.dir, 'same'), FOREVER);
    assert.equal(cloud.server.requests.filter(({ object }) => object === 'sale/a.mp4').length, 2);
  });

  it('fail permanently in a folder of another output or bucket', async () => {
    await using cloud = await prepared();
    const source = await file(cloud.dir, 'video');
    for (const id of ['/videos/sale', '1AbCdEfGhIj', 'gs://bucket2/sale/', 'gs://other/sale/']) {
      const folder = { id, location: id };
      await assert.rejects(cloud.store.save(folder, 'a.mp4', source, FOREVER), (error) => {
        assert.ok(PermanentError.is(error));
        assert.deepEqual([error.code, error.stage], ['save_failed', 'save']);
        assert.match(error.message, /started with another OUTPUT/);
        return true;
      });
      await cloud.store.remove(folder, ['a.mp4']);
    }
    assert.ok(existsSync(source));
    assert.equal(cloud.server.count('delete'), 0);
  });

  it('never leave their folder', async () => {
    await using cloud = await prepared();
    const source = await file(cloud.dir, 'video');
    for (const name of ['../up.mp4', '..', '/up.mp4', 'a/b.mp4', '', 'a\n.mp4']) {
      await assert.rejects(cloud.store.save(cloud.folder, name, source, FOREVER), /plain file name/);
    }
    await cloud.store.remove(cloud.folder, ['', '.', '..', 'a/b.mp4']);
    assert.deepEqual([...cloud.server.objects.bucket('bucket').keys()], ['sale/']);
    assert.equal(cloud.server.count('delete'), 0);
  });

  it('are removed by a thousand names, few of which exist', async () => {
    await using cloud = await prepared();
    const names = Array.from({ length: 1000 }, (_, at) => `${at}.mp4`);
    for (const name of names.slice(0, 3)) {
      await cloud.store.save(cloud.folder, name, await file(cloud.dir, name), FOREVER);
    }
    cloud.server.fault({ operation: 'delete', does: 'status', status: 503, times: 2 });
    await repeated(() => cloud.store.remove(cloud.folder, names));
    assert.deepEqual([...cloud.server.objects.bucket('bucket').keys()], ['sale/']);
  });

  it('fail permanently if the account may not remove them', async () => {
    await using cloud = await prepared();
    cloud.server.fault({ operation: 'delete', does: 'status', status: 403, reason: 'forbidden' });
    await assert.rejects(
      cloud.store.remove(cloud.folder, ['a.mp4']),
      (error) => PermanentError.is(error) && error.code === 'output_forbidden',
    );
  });

  it('report a missing video', async () => {
    await using cloud = await prepared();
    const none = join(cloud.dir.path, 'none.mp4');
    await assert.rejects(cloud.store.save(cloud.folder, 'a.mp4', none, FOREVER), { code: 'ENOENT' });
    await writeFile(none, '');
    assert.equal((await cloud.store.save(cloud.folder, 'a.mp4', none, FOREVER)).bytes, 0);
  });
});
