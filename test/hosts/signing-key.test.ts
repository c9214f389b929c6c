import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { signingKeyIn } from '../../functions/hosts/signing-key.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

describe('the signing key of a service on one machine', () => {
  it('is made once, kept for the next start, and readable by its user only', async () => {
    await using dir = await tempDir();
    await using other = await tempDir();
    const key = await signingKeyIn(dir.path);
    assert.ok(Buffer.from(key, 'base64url').length === 32);
    assert.equal(await signingKeyIn(dir.path), key);
    assert.notEqual(await signingKeyIn(other.path), key);
    assert.equal((await stat(join(dir.path, 'signing.key'))).mode & 0o777, 0o600);
  });

  it('that is damaged stops the start, without being shown', async () => {
    await using dir = await tempDir();
    const key = await signingKeyIn(dir.path);
    await writeFile(join(dir.path, 'signing.key'), key.slice(0, 20));
    await assert.rejects(signingKeyIn(dir.path), (error: Error) => {
      assert.match(error.message, /Expected a key of 43 characters in signing.key, got 20.*Restore it/);
      return !error.message.includes(key.slice(0, 20));
    });
    assert.equal((await readFile(join(dir.path, 'signing.key'), 'utf8')).length, 20, 'left as it is');
  });
});
