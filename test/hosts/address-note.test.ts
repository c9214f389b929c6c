import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { noteAddress, notedAddress } from '../../functions/hosts/address-note.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const ADDRESS = 'http://127.0.0.1:8080';

describe('the note of an address', () => {
  test('is there until it is disposed of', async () => {
    await using dir = await tempDir();
    const place = { dataDir: dir.path };
    {
      using _ = noteAddress(place, ADDRESS);
      assert.equal(notedAddress(place), ADDRESS);
    }
    assert.equal(existsSync(join(dir.path, 'service.json')), false);
  });

  test('stays if it is that of the next service, which began while this one ended', async () => {
    await using dir = await tempDir();
    const place = { dataDir: dir.path };
    const own = noteAddress(place, ADDRESS);
    const next = { url: 'http://127.0.0.1:8081', pid: process.ppid };
    writeFileSync(join(dir.path, 'service.json'), JSON.stringify(next));
    own[Symbol.dispose]();
    assert.equal(notedAddress(place), next.url);
  });

  test('is no reason to fail at the end if it is gone, or no file', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'service.json');
    const own = noteAddress({ dataDir: dir.path }, ADDRESS);
    rmSync(file);
    own[Symbol.dispose]();
    mkdirSync(file);
    own[Symbol.dispose]();
  });
});
