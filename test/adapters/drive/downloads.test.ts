import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createDriveDownloads } from '../../../functions/adapters/drive/downloads.ts';
import type { LeastRate } from '../../../functions/adapters/shared/least-rate.ts';
import type { PermanentCode, TransientCode } from '../../../functions/base/codes.ts';
import { PermanentError } from '../../../functions/base/errors.ts';
import type { Download, Validator } from '../../../functions/model/source.ts';
import { TIMEOUT_MS, until } from '../../contracts/harness.ts';
import type { Fault, RequestKind } from '../../fixtures/drive/faults.ts';
import { FOLDER_TYPE, OAUTH, USER } from '../../fixtures/drive/server.ts';
import { type DriveStage, driveStage } from '../../fixtures/drive/stage.ts';
import type { NewFile } from '../../fixtures/drive/state.ts';
import { failureOf } from '../../fixtures/network/downloading.ts';

const FOREVER = new AbortController().signal;
const CLIP = randomBytes(300_000);
const MD5 = createHash('md5').update(CLIP).digest('hex');
const SHA256 = createHash('sha256').update(CLIP).digest('hex');
const ANYONE = { type: 'anyone', role: 'reader' } as const;
const OTHER = 'someone@example.com';

interface Ask {
  anyFile?: boolean;
  maxBytes?: number;
  totalMs?: number;
  leastRate?: LeastRate;
  idleMs?: number;
  resourceKey?: string;
  validator?: Validator;
  signal?: AbortSignal;
}

function pathIn({ dir }: DriveStage): string {
  return join(dir.path, 'source.bin');
}

async function get(stage: DriveStage, id: string, ask: Ask = {}): Promise<Download | undefined> {
  const { anyFile = true, maxBytes = 1_000_000, totalMs = 30_000, idleMs = 5_000, leastRate } = ask;
  const account = stage.account(undefined, { idleMs });
  const downloads = createDriveDownloads({ account, maxBytes, anyFile, totalMs, leastRate });
  const { validator, signal = FOREVER, resourceKey = null } = ask;
  return downloads.get({ id, resourceKey }, pathIn(stage), { validator, signal });
}

function clip(stage: DriveStage, more: Partial<NewFile> = {}): string {
  return stage.server.state.add({ name: 'clip.mp4', content: CLIP, ...more });
}

describe('downloads from Drive', { timeout: TIMEOUT_MS }, () => {
  it('store the file, and say how many bytes it has and which version it is', async () => {
    await using stage = await driveStage();
    const validator = { etag: `md5 ${MD5}` };
    assert.deepEqual(await get(stage, clip(stage)), {
      modified: true,
      bytes: CLIP.length,
      sha256: SHA256,
      validator,
    });
    assert.deepEqual(await readFile(pathIn(stage)), CLIP);
  });

  it('send only what has changed since', async () => {
    await using stage = await driveStage();
    const id = clip(stage);
    const found = await get(stage, id);
    assert.ok(found?.modified && found.validator);
    assert.deepEqual(await get(stage, id, { validator: found.validator }), { modified: false });
    assert.equal(stage.server.seen('media').length, 1);
    Object.assign(stage.server.state.files.get(id) ?? {}, { content: Buffer.from('other') });
    const again = await get(stage, id, { validator: found.validator });
    assert.ok(again?.modified && again.bytes === 5);
  });

  it('read shared drives, and files of others that are shared with the account', async () => {
    await using stage = await driveStage();
    const parent = stage.server.state.addDrive({ [USER]: 'reader' });
    const shared = { type: 'user', emailAddress: USER, role: 'reader' } as const;
    for (const more of [{ parent }, { owner: OTHER, permissions: [shared] }]) {
      assert.ok((await get(stage, clip(stage, more)))?.modified);
    }
  });

  it('pass on the resource key of a link', async () => {
    await using stage = await driveStage();
    const id = clip(stage, { owner: OTHER, permissions: [ANYONE], resourceKey: '0-key' });
    await failureOf(get(stage, id), 'source_not_found');
    assert.ok((await get(stage, id, { resourceKey: '0-key' }))?.modified);
  });

  it('follow a shortcut once, with the resource key of its target', async () => {
    await using stage = await driveStage();
    const targetId = clip(stage, { owner: OTHER, permissions: [ANYONE], resourceKey: '0-key' });
    const shortcut = (target: string) =>
      stage.server.state.add({
        name: 'shortcut',
        mimeType: 'application/vnd.google-apps.shortcut',
        shortcutDetails: { targetId: target, targetMimeType: 'video/mp4', targetResourceKey: '0-key' },
      });
    assert.ok((await get(stage, shortcut(targetId)))?.modified);
    await failureOf(get(stage, shortcut(shortcut(targetId))), 'media_unreadable', /shortcut/);
  });

  it('use another token if theirs is refused', async () => {
    await using stage = await driveStage();
    stage.server.faults.add('media', { does: 'refuse', status: 401 });
    assert.ok((await get(stage, clip(stage)))?.modified);
  });

  describe('of files that anyone may read', () => {
    it('read a file that is open to anyone, itself or by its folder', async () => {
      await using stage = await driveStage();
      const parent = stage.server.state.add({ name: 'x', mimeType: FOLDER_TYPE, permissions: [ANYONE] });
      for (const more of [{ permissions: [ANYONE] }, { parent }]) {
        assert.ok((await get(stage, clip(stage, more), { anyFile: false }))?.modified);
      }
    });

    const CLOSED: Record<string, (stage: DriveStage) => string> = {
      'that is private': (stage) => clip(stage),
      'that is shared with the account only': (stage) =>
        clip(stage, { owner: OTHER, permissions: [{ type: 'user', emailAddress: USER, role: 'writer' }] }),
      'that is open, which the account cannot see': (stage) =>
        clip(stage, { owner: OTHER, permissions: [ANYONE] }),
      'on a shared drive, whose permissions are not shown': (stage) =>
        clip(stage, { parent: stage.server.state.addDrive({ [USER]: 'organizer' }), permissions: [ANYONE] }),
      'that does not exist': () => 'nobody-knows-this-id',
      'in the trash': (stage) => clip(stage, { permissions: [ANYONE], trashed: true }),
      'that is private, behind an open shortcut': (stage) =>
        stage.server.state.add({
          name: 'shortcut',
          mimeType: 'application/vnd.google-apps.shortcut',
          permissions: [ANYONE],
          shortcutDetails: { targetId: clip(stage), targetMimeType: 'video/mp4' },
        }),
    };
    for (const [what, id] of Object.entries(CLOSED)) {
      it(`leave a file ${what}`, async () => {
        await using stage = await driveStage();
        assert.equal(await get(stage, id(stage), { anyFile: false }), undefined);
        assert.equal(stage.server.seen('media').length, 0);
        assert.equal(existsSync(pathIn(stage)), false);
      });
    }

    it('leave a file if the account cannot log in', async () => {
      await using stage = await driveStage();
      const account = stage.account({ ...OAUTH, refreshToken: 'old' });
      const downloads = createDriveDownloads({ account, maxBytes: 1e6, anyFile: false });
      const file = { id: clip(stage, { permissions: [ANYONE] }), resourceKey: null };
      assert.equal(await downloads.get(file, pathIn(stage), { signal: FOREVER }), undefined);
    });

    it('fail with a transient error while Drive is busy and cannot tell whether the file is open', async () => {
      await using stage = await driveStage();
      stage.server.faults.add('get', { does: 'refuse', status: 503 }, { times: 1000 });
      await failureOf(get(stage, clip(stage), { anyFile: false }), 'source_busy');
    });
  });

  const FAILURES: {
    it: string;
    code: PermanentCode | TransientCode;
    says: RegExp;
    file?: Partial<NewFile>;
    fault?: [RequestKind, Fault];
    ask?: Ask;
  }[] = [
    { it: 'in the trash', code: 'source_not_found', says: /trash.*restore/, file: { trashed: true } },
    {
      it: 'that the account may not see',
      code: 'source_not_found',
      says: /share it/,
      file: { owner: OTHER },
    },
    {
      it: 'that is a Google document',
      code: 'media_unreadable',
      says: /vnd\.google-apps\.document/,
      file: { mimeType: 'application/vnd.google-apps.document' },
    },
    { it: 'that is empty', code: 'media_unreadable', says: /0 bytes/, file: { content: Buffer.alloc(0) } },
    { it: 'that is too large', code: 'source_too_large', says: /MAX_SOURCE_MB/, ask: { maxBytes: 1000 } },
    {
      it: 'that viewers may not download',
      code: 'source_refused',
      says: /allow viewers to download/,
      file: { canDownload: false },
    },
    {
      it: 'that was downloaded too often',
      code: 'source_refused',
      says: /copy the file on Drive/,
      fault: ['media', { does: 'refuse', status: 403, reason: 'downloadQuotaExceeded' }],
    },
    {
      it: 'that Google considers harmful',
      code: 'source_refused',
      says: /another file/,
      fault: ['media', { does: 'refuse', status: 403, reason: 'cannotDownloadAbusiveFile' }],
    },
    {
      it: 'if the scope is too narrow',
      code: 'source_forbidden',
      says: /scope/,
      fault: ['get', { does: 'refuse', status: 403, reason: 'insufficientPermissions' }],
    },
    {
      it: 'that the account may not read',
      code: 'source_forbidden',
      says: /share it with anyone who has the link/,
      fault: ['media', { does: 'refuse', status: 403, reason: 'insufficientFilePermissions' }],
    },
    {
      it: 'while the rate is limited',
      code: 'source_busy',
      says: /none, it is retried/,
      fault: ['media', { does: 'refuse', status: 403, reason: 'userRateLimitExceeded' }],
    },
    {
      it: 'while Drive is down',
      code: 'source_busy',
      says: /none, it is retried/,
      fault: ['media', { does: 'refuse', status: 503 }],
    },
    {
      it: 'that is cut off',
      code: 'network',
      says: /Expected all bytes of/,
      fault: ['media', { does: 'cut', afterBytes: 9 }],
    },
    {
      it: 'that arrives damaged',
      code: 'network',
      says: /bytes that do not match the announced MD5/,
      fault: ['media', { does: 'garble' }],
    },
    {
      it: 'that stalls',
      code: 'source_slow',
      says: /Expected all bytes of/,
      fault: ['media', { does: 'stall' }],
      ask: { idleMs: 300 },
    },
    {
      it: 'that takes too long',
      code: 'source_slow',
      says: /not finished after 300 ms/,
      fault: ['media', { does: 'stall' }],
      ask: { totalMs: 300 },
    },
    {
      it: 'that arrives too slowly',
      code: 'source_slow',
      says: /less than 1000000 a second/,
      fault: ['media', { does: 'stall' }],
      ask: { leastRate: { bytesPerSecond: 1_000_000, windowMs: 200 } },
    },
    {
      it: 'if the login is refused',
      code: 'source_forbidden',
      says: /invalid_grant \(DRIVE_AUTH=oauth\)/,
      fault: ['token', { does: 'refuse', status: 400, reason: 'invalid_grant' }],
    },
  ];

  for (const { it: what, code, says, file, fault, ask } of FAILURES) {
    it(`give ${code} for a file ${what}, and leave no partial file`, async () => {
      await using stage = await driveStage();
      const id = clip(stage, file);
      if (fault !== undefined) stage.server.faults.add(...fault, { times: 1000 });
      const failure = await failureOf(get(stage, id, ask), code, says);
      assert.match(failure.message, /Next step: /);
      assert.ok(!PermanentError.is(failure) || failure.stage === 'download');
      assert.equal(existsSync(pathIn(stage)), false);
    });
  }

  for (const kind of ['get', 'media'] as const) {
    it(`stop with the reason of the signal at ${kind}`, async () => {
      await using stage = await driveStage();
      stage.server.faults.add(kind, { does: 'stall' });
      const stop = new AbortController();
      const running = get(stage, clip(stage), { signal: stop.signal });
      await until(() => stage.server.seen(kind).length > 0, `a ${kind}`);
      const reason = new Error('shutting down');
      stop.abort(reason);
      await assert.rejects(running, reason);
      assert.equal(existsSync(pathIn(stage)), false);
    });
  }
});
