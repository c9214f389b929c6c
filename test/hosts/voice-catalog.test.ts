import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { createDiskRoom, diskSpace } from '../../functions/adapters/shared/disk-room.ts';
import { createSamples } from '../../functions/hosts/voice-catalog.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const FOREVER = new AbortController().signal;

describe('samples of voices', () => {
  test('are not downloaded from a private address, and leave no file', async () => {
    await using dir = await tempDir();
    await using server = await startSourceServer({ '/a.mp3': { body: Buffer.from('ID3') } });
    const room = createDiskRoom({ measure: () => diskSpace(dir.path), makeRoom: async () => false });
    await using samples = createSamples({ apiUrl: undefined, room, tempDir: dir.path });
    for (const url of [server.url('/a.mp3'), 'https://169.254.169.254/a.mp3', 'https://[::1]/a.mp3'])
      await assert.rejects(samples.download(url, FOREVER), { code: 'address_refused' }, url);
    assert.equal(server.count(), 0);
    await using tested = createSamples({ apiUrl: server.origin, room, tempDir: dir.path });
    assert.equal(String(await tested.download(server.url('/a.mp3'), FOREVER)), 'ID3');
    assert.deepEqual(await readdir(dir.path), []);
  });
});
