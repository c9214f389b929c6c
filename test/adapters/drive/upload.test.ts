import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PermanentError, TransientError } from '../../../functions/base/errors.ts';
import type { OutputFolder } from '../../../functions/model/task.ts';
import type { SavedFile } from '../../../functions/ports/outputs.ts';
import { TIMEOUT_MS, until } from '../../contracts/harness.ts';
import { type DriveStage, driveStage } from '../../fixtures/drive/stage.ts';
import { failureOf } from '../../fixtures/network/downloading.ts';

const FOREVER = new AbortController().signal;
const KIB = 1024;
const VIDEO = randomBytes(1500 * KIB);
const LAST = VIDEO.length - 1;

interface Scene extends AsyncDisposable {
  stage: DriveStage;
  folder: OutputFolder;
  source: string;
  save(options?: { signal?: AbortSignal; idleMs?: number; maxFailures?: number }): Promise<SavedFile>;
  /** What the server has under the name; undefined if there is nothing. */
  saved(): Buffer | undefined;
  /** Content-Range and status of all requests of the uploads. */
  ranges(): string[];
}

async function scene(): Promise<Scene> {
  const stage = await driveStage();
  const folder = await stage.outputs().createFolder('sale');
  const source = join(stage.dir.path, 'video.mp4');
  await writeFile(source, VIDEO);
  const { server } = stage;
  return {
    stage,
    folder,
    source,
    save: ({ signal = FOREVER, idleMs = 5_000, maxFailures = 6 } = {}) =>
      stage
        .outputs({ account: stage.account(undefined, { idleMs }), resumption: { maxFailures } })
        .save(folder, 'a.mp4', source, signal),
    saved: () => server.list(folder.id).map(({ id }) => server.read(id))[0],
    ranges: () =>
      server.seen('upload.send', 'upload.ask').map(({ contentRange, status }) => `${contentRange} ${status}`),
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  };
}

describe('uploads to Drive', { timeout: TIMEOUT_MS }, () => {
  it('send all bytes in one request, to a session of the exact length', async () => {
    await using scened = await scene();
    const { bytes } = await scened.save();
    assert.equal(bytes, VIDEO.length);
    assert.deepEqual(scened.saved(), VIDEO);
    assert.deepEqual(scened.ranges(), [`bytes 0-${LAST}/${VIDEO.length} 200`]);
    assert.equal(existsSync(scened.source), false);
  });

  it('continue from the byte that Drive has when the connection breaks, twice', async () => {
    await using scened = await scene();
    const { faults } = scened.stage.server;
    faults.add('upload.send', { does: 'cut', afterBytes: 600 * KIB }, { times: 2 });
    await scened.save();
    assert.deepEqual(scened.saved(), VIDEO);
    const all = VIDEO.length;
    assert.deepEqual(scened.ranges(), [
      `bytes 0-${LAST}/${all} 0`,
      `bytes */${all} 308`,
      `bytes ${512 * KIB}-${LAST}/${all} 0`,
      `bytes */${all} 308`,
      `bytes ${1024 * KIB}-${LAST}/${all} 200`,
    ]);
  });

  it('start over from the first byte if Drive has none', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.send', { does: 'cut', afterBytes: 100 * KIB });
    await scened.save();
    assert.deepEqual(scened.saved(), VIDEO);
    const whole = `bytes 0-${LAST}/${VIDEO.length}`;
    assert.deepEqual(scened.ranges(), [`${whole} 0`, `bytes */${VIDEO.length} 308`, `${whole} 200`]);
  });

  it('continue if Drive took all bytes and kept a part', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.send', { does: 'keep', bytes: 800 * KIB });
    await scened.save();
    assert.deepEqual(scened.saved(), VIDEO);
    assert.deepEqual(scened.ranges(), [
      `bytes 0-${LAST}/${VIDEO.length} 308`,
      `bytes ${768 * KIB}-${LAST}/${VIDEO.length} 200`,
    ]);
  });

  it('ask for the file if the answer to the last byte was lost', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.send', { does: 'lose' });
    await scened.save();
    assert.deepEqual(scened.ranges(), [`bytes 0-${LAST}/${VIDEO.length} 0`, `bytes */${VIDEO.length} 200`]);
    assert.equal(scened.stage.server.list(scened.folder.id).length, 1);
  });

  for (const status of [500, 503, 429]) {
    it(`ask and continue after a ${status}`, async () => {
      await using scened = await scene();
      scened.stage.server.faults.add('upload.send', { does: 'refuse', status });
      scened.stage.server.faults.add('upload.ask', { does: 'refuse', status });
      await scened.save();
      assert.deepEqual(scened.saved(), VIDEO);
      assert.equal(scened.stage.server.seen('upload.begin').length, 1);
    });
  }

  it('fail when their session ends, and send everything in a new session when they are repeated', async () => {
    await using scened = await scene();
    const { server } = scened.stage;
    server.faults.add('upload.send', { does: 'cut', afterBytes: 600 * KIB });
    server.faults.add('upload.ask', { does: 'forget' });
    const failure = await failureOf(scened.save(), 'network', /session that has ended/);
    assert.ok(TransientError.is(failure));
    assert.equal(server.seen('upload.begin').length, 1);
    await scened.save();
    assert.deepEqual(scened.saved(), VIDEO);
    assert.equal(server.seen('upload.begin').length, 2);
    assert.equal(scened.ranges().at(-1), `bytes 0-${LAST}/${VIDEO.length} 200`);
  });

  it('continue with another token if theirs expires on the way', async () => {
    await using scened = await scene();
    const { server } = scened.stage;
    server.faults.add('upload.send', { does: 'refuse', status: 401, reason: 'authError' });
    const tokens = server.seen('token').length;
    await scened.save();
    assert.deepEqual(scened.saved(), VIDEO);
    assert.equal(server.seen('upload.begin').length, 1);
    // The adapter's own token, and the one that replaced the refused token.
    assert.equal(server.seen('token').length, tokens + 2);
  });

  it('report the login if the next token is refused as well', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.send', { does: 'refuse', status: 401 }, { times: 9 });
    scened.stage.server.faults.add('upload.ask', { does: 'refuse', status: 401 }, { times: 9 });
    await failureOf(scened.save(), 'output_login', /401.*DRIVE_AUTH=oauth/);
  });

  it('give up after so many failures without a byte of progress, and keep the file', async () => {
    await using scened = await scene();
    const { server } = scened.stage;
    server.faults.add('upload.send', { does: 'cut', afterBytes: 0 }, { times: 99 });
    const failure = await failureOf(scened.save({ maxFailures: 3 }), 'network');
    assert.ok(TransientError.is(failure));
    assert.equal(server.seen('upload.send').length, 3);
    assert.ok(existsSync(scened.source));
    assert.equal(scened.saved(), undefined);
  });

  for (const [fault, code] of [
    [{ does: 'refuse', status: 503 }, 'output_busy'],
    [{ does: 'lose' }, 'network'],
    [{ does: 'refuse', status: 429, retryAfter: '2' }, 'output_limited'],
  ] as const) {
    it(`try to begin only once: ${JSON.stringify(fault)}`, async () => {
      await using scened = await scene();
      const { server } = scened.stage;
      server.faults.add('upload.begin', fault);
      assert.ok(TransientError.is(await failureOf(scened.save(), code)));
      assert.equal(server.seen('upload.begin').length, 1);
      assert.ok(existsSync(scened.source));
      await scened.save();
      assert.deepEqual(scened.saved(), VIDEO);
      assert.equal(server.list(scened.folder.id).length, 1);
    });
  }

  it('use another token if theirs is refused at the beginning', async () => {
    await using scened = await scene();
    const { server } = scened.stage;
    server.faults.add('upload.begin', { does: 'refuse', status: 401, reason: 'authError' });
    await scened.save();
    assert.deepEqual(scened.saved(), VIDEO);
    server.faults.add('upload.begin', { does: 'refuse', status: 401, reason: 'authError' }, { times: 2 });
    await writeFile(scened.source, randomBytes(10));
    await failureOf(scened.save(), 'output_login', /401 authError/);
  });

  it('do not count failures with progress between them', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.send', { does: 'cut', afterBytes: 300 * KIB }, { times: 5 });
    await scened.save({ maxFailures: 2 });
    assert.deepEqual(scened.saved(), VIDEO);
    assert.equal(scened.stage.server.seen('upload.send').length, 6);
  });

  it('end a request that the server lets stall, and continue', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.send', { does: 'stall' });
    await scened.save({ idleMs: 1_000 });
    assert.deepEqual(scened.saved(), VIDEO);
    assert.equal(scened.stage.server.seen('upload.begin').length, 1);
  });

  it('end if the server does not answer at the beginning, and can be repeated', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.begin', { does: 'stall' });
    await failureOf(scened.save({ idleMs: 300 }), 'network');
    await scened.save();
    assert.deepEqual(scened.saved(), VIDEO);
  });

  for (const kind of ['generateIds', 'upload.begin', 'upload.send'] as const) {
    it(`stop with the reason of the signal at ${kind}, and leave nothing`, async () => {
      await using scened = await scene();
      const { server } = scened.stage;
      server.faults.add(kind, { does: 'stall' }, { times: 9 });
      const stop = new AbortController();
      const asked = server.seen(kind).length;
      const saving = scened.save({ signal: stop.signal });
      await until(() => server.seen(kind).length > asked, `a request of ${kind}`);
      const reason = new Error('The lease was lost');
      stop.abort(reason);
      await assert.rejects(saving, reason);
      assert.equal(scened.saved(), undefined);
      assert.ok(existsSync(scened.source));
    });
  }

  it('stop in a pause, too', async () => {
    await using scened = await scene();
    const { server } = scened.stage;
    server.faults.add('upload.send', { does: 'refuse', status: 429, retryAfter: '30' });
    const stop = new AbortController();
    const saving = scened.save({ signal: stop.signal });
    await until(() => server.seen('upload.send').some(({ status }) => status === 429), 'a 429');
    const reason = new Error('The host stops');
    stop.abort(reason);
    await assert.rejects(saving, reason);
  });

  it('pass on a Retry-After that is longer than their own pauses, cut to ten minutes', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.send', { does: 'refuse', status: 429, retryAfter: '3600' });
    const failure = await failureOf(scened.save(), 'output_limited');
    assert.ok(TransientError.is(failure) && failure.retryAfterMs === 600_000);
    await scened.save();
    assert.deepEqual(scened.saved(), VIDEO);
  });

  it('never send the token to another host', async () => {
    await using scened = await scene();
    scened.stage.server.faults.add('upload.begin', { does: 'divert', to: 'http://evil.example' });
    const failure = await failureOf(scened.save(), 'save_failed', /got evil\.example\. Next step/);
    assert.ok(PermanentError.is(failure));
    assert.doesNotMatch(failure.message, /upload_id|token/);
    assert.equal(scened.stage.server.seen('upload.send').length, 0);
  });

  it('replace a file the same way, interrupted or not', async () => {
    await using scened = await scene();
    await scened.save();
    const other = randomBytes(VIDEO.length);
    await writeFile(scened.source, other);
    scened.stage.server.faults.add('upload.send', { does: 'cut', afterBytes: 600 * KIB });
    await scened.save();
    assert.deepEqual(scened.saved(), other);
    assert.equal(scened.stage.server.list(scened.folder.id).length, 1);
    assert.equal(scened.stage.server.seen('upload.begin').at(-1)?.method, 'PATCH');
  });

  it('reject with the error of the disk if the file disappears meanwhile', async () => {
    await using scened = await scene();
    const { server } = scened.stage;
    server.faults.add('upload.send', { does: 'refuse', status: 503, retryAfter: '1' });
    server.tokens.tokenSeconds = 200;
    const saving = scened.save();
    const refused = assert.rejects(saving, { code: 'ENOENT' });
    await until(() => server.seen('upload.send').some(({ status }) => status === 503), 'a 503');
    await rm(scened.source);
    await refused;
    assert.equal(scened.saved(), undefined);
  });

  it('upload an empty file', async () => {
    await using scened = await scene();
    await writeFile(scened.source, '');
    assert.equal((await scened.save()).bytes, 0);
    assert.equal(scened.saved()?.length, 0);
  });
});
