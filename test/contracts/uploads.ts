import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { UploadStore } from '../../functions/ports/uploads.ts';
import { failureOf } from '../fixtures/network/downloading.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { newUploadId } from '../fixtures/system/upload-id.ts';
import { type ContractOptions, type Harness, TIMEOUT_MS } from './harness.ts';

const BODY = randomBytes(70_000);
const SHA256 = createHash('sha256').update(BODY).digest('hex');
const { signal } = new AbortController();

function daysPass(t: TestContext, days: number): void {
  const now = Date.now() + days * 86_400_000;
  t.mock.timers.reset();
  t.mock.timers.enable({ apis: ['Date'], now });
}

interface UploadsHarness extends Harness<UploadStore> {
  /** Sends the body to that URL, as a client does; false if it is refused. */
  put(url: string, headers: Readonly<Record<string, string>>, body: Buffer): Promise<boolean>;
  /** Removes the files that are too old. */
  remove(): Promise<void>;
}

export function uploadsContract(
  name: string,
  open: () => Promise<UploadsHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps uploads`, { timeout: TIMEOUT_MS, ...options }, () => {
    async function offered(harness: UploadsHarness, fileName = 'hook a.mp4') {
      const id = newUploadId(fileName);
      const base = 'http://127.0.0.1:8080';
      const to = await harness.store.offer({ id, bytes: BODY.length, type: 'video/mp4', base });
      return { id, ...to, put: (body = BODY) => harness.put(to.url, to.headers, body) };
    }

    for (const fileName of ['hook a.mp4', 'クリップ für alle.mov', 'x'.repeat(300)]) {
      it(`takes ${fileName.slice(0, 20)}, finds it, and reads its bytes with their checksum`, async () => {
        await using harness = await open();
        await using dir = await tempDir();
        const file = join(dir.path, 'file');
        const upload = await offered(harness, fileName);
        assert.deepEqual(await harness.store.areThere([upload.id]), [false], 'before it is sent');
        assert.ok(await upload.put());
        assert.deepEqual(await harness.store.areThere([upload.id]), [true]);
        const { modified, ...read } = await harness.store.read(upload.id, file, { signal });
        assert.ok(modified && 'validator' in read);
        assert.deepEqual([read.bytes, read.sha256], [BODY.length, SHA256]);
        assert.ok(BODY.equals(await readFile(file)));
      });
    }

    it('says which of many are there, in the order of the ids', async () => {
      await using harness = await open();
      const [one, two] = [await offered(harness), await offered(harness)];
      await two.put();
      assert.deepEqual(await harness.store.areThere([]), []);
      const ids = [two.id, one.id, newUploadId('unknown.mp4'), two.id];
      assert.deepEqual(await harness.store.areThere(ids), [true, false, false, true]);
      const many = Array.from({ length: 300 }, () => newUploadId('unknown.mp4'));
      assert.deepEqual(new Set(await harness.store.areThere(many)), new Set([false]));
    });

    it('takes the same bytes again, also at the same time, and another length never', async () => {
      await using harness = await open();
      const upload = await offered(harness);
      assert.equal(await upload.put(BODY.subarray(1)), false);
      assert.deepEqual(await harness.store.areThere([upload.id]), [false]);
      assert.deepEqual(await Promise.all([upload.put(), upload.put()]), [true, true]);
      assert.ok(await upload.put());
      assert.equal(await upload.put(Buffer.concat([BODY, BODY])), false);
      assert.deepEqual(await harness.store.areThere([upload.id]), [true]);
    });

    it('refuses another type', async () => {
      await using harness = await open();
      const { url, headers, id } = await offered(harness);
      assert.equal(await harness.put(url, { ...headers, 'content-type': 'text/html' }, BODY), false);
      assert.deepEqual(await harness.store.areThere([id]), [false]);
    });

    it('refuses a URL that was changed', async () => {
      await using harness = await open();
      const { url, headers, id } = await offered(harness);
      const other = newUploadId('hook a.mp4');
      assert.equal(await harness.put(url.replace(id, other), headers, BODY), false);
      assert.equal(await harness.put(url.replace(/ignature=.{4}/, 'ignature=0000'), headers, BODY), false);
      assert.deepEqual(await harness.store.areThere([id, other]), [false, false]);
    });

    it('refuses a URL of more than a day ago', async (t) => {
      await using harness = await open();
      const upload = await offered(harness);
      daysPass(t, 1.01);
      assert.equal(await upload.put(), false);
    });

    it('reads nothing twice as long as the file is the same', async () => {
      await using harness = await open();
      await using dir = await tempDir();
      const file = join(dir.path, 'file');
      const upload = await offered(harness);
      await upload.put();
      const first = await harness.store.read(upload.id, file, { signal });
      assert.ok(first.modified);
      const again = join(dir.path, 'again');
      const validator = first.validator ?? {};
      assert.deepEqual(await harness.store.read(upload.id, again, { validator, signal }), {
        modified: false,
      });
      assert.equal(existsSync(again), false);
    });

    it('has an upload for seven days; a day later its source does not exist', async (t) => {
      await using harness = await open();
      await using dir = await tempDir();
      const file = join(dir.path, 'file');
      const upload = await offered(harness);
      await upload.put();
      daysPass(t, 6.9);
      await harness.remove();
      assert.deepEqual(await harness.store.areThere([upload.id]), [true]);
      daysPass(t, 0.2);
      await harness.remove();
      assert.deepEqual(await harness.store.areThere([upload.id]), [false]);
      assert.ok(
        (await harness.store.read(upload.id, file, { signal })).modified,
        'for tasks that have begun',
      );
      daysPass(t, 1);
      await harness.remove();
      await failureOf(
        harness.store.read(upload.id, file, { signal }),
        'source_not_found',
        /Expected the file of upload:hook_a, got none: uploads are kept 7 days/,
      );
    });
  });
}
