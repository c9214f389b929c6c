import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DriveAccount } from '../../../functions/adapters/drive/account.ts';
import { CODES, type PermanentCode, type TransientCode } from '../../../functions/base/codes.ts';
import { PermanentError, RequestError, TransientError } from '../../../functions/base/errors.ts';
import { TIMEOUT_MS } from '../../contracts/harness.ts';
import { file } from '../../contracts/outputs.ts';
import { type DriveStage, driveStage } from '../../fixtures/drive/stage.ts';
import { failureOf } from '../../fixtures/network/downloading.ts';
import { repeated } from '../../fixtures/system/repeated.ts';

const FOREVER = new AbortController().signal;

type Row = readonly [status: number, reason: string, code: PermanentCode | TransientCode, next: RegExp];

const ROWS: readonly Row[] = [
  [403, 'rateLimitExceeded', 'output_limited', /Next step: none, it is retried/],
  [403, 'userRateLimitExceeded', 'output_limited', /Next step: none, it is retried/],
  [403, 'dailyLimitExceeded', 'output_busy', /quotas of the Drive API/],
  [403, 'sharingRateLimitExceeded', 'output_busy', /Next step: none, it is retried/],
  [403, 'RATE_LIMIT_EXCEEDED', 'output_limited', /Next step: none, it is retried/],
  [408, '', 'output_busy', /Next step: none, it is retried/],
  [429, 'rateLimitExceeded', 'output_limited', /Next step: none, it is retried/],
  [500, 'internalError', 'output_busy', /Next step: none, it is retried/],
  [502, '', 'output_busy', /Next step: none, it is retried/],
  [503, 'backendError', 'output_busy', /Next step: none, it is retried/],
  [504, '', 'output_busy', /Next step: none, it is retried/],
  [403, 'storageQuotaExceeded', 'output_full', /shared drive/],
  [403, 'teamDriveFileLimitExceeded', 'output_full', /trashed files count/],
  [403, 'numChildrenInNonRootLimitExceeded', 'output_full', /another folder/],
  [403, 'activeItemCreationLimitExceeded', 'output_full', /delete files/],
  [401, 'authError', 'output_login', /refresh token/],
  [403, 'accessNotConfigured', 'output_forbidden', /enable the Google Drive API/],
  [403, 'SERVICE_DISABLED', 'output_forbidden', /enable the Google Drive API/],
  [403, 'insufficientPermissions', 'output_forbidden', /scope/],
  [403, 'insufficientFilePermissions', 'output_forbidden', /Content manager/],
  [403, 'insufficientParentPermissions', 'output_forbidden', /Content manager/],
  [403, 'cannotAddParent', 'output_forbidden', /Content manager/],
  [403, 'teamDriveMembershipRequired', 'output_forbidden', /member of the shared drive/],
  [403, 'appNotAuthorizedToFile', 'output_forbidden', /scope/],
  [403, 'domainPolicy', 'output_forbidden', /administrator/],
  [403, 'somethingNewOfGoogles', 'output_forbidden', /Content manager/],
  [404, 'notFound', 'output_missing', /DRIVE_FOLDER_ID/],
];

/** `own`: the 404 of an upload concerns the task's own folder. */
function checkRow(
  error: PermanentError | TransientError,
  [status, reason, code, next]: Row,
  own = false,
): void {
  assert.equal(error.code, code);
  assert.equal(TransientError.is(error), CODES[code].kind === 'transient');
  if (PermanentError.is(error)) assert.equal(error.stage, 'save');
  const gone = /^Expected the task's folder on Google Drive for a\.mp4, got none: .*\. Next step: /;
  const told = new RegExp(`^Expected Google Drive to .*, got ${status} ?${reason}.*\\. Next step: `);
  assert.match(error.message, own ? gone : told);
  if (!own) assert.match(error.message, next);
  assert.doesNotMatch(error.message, /ya29|upload_id|refresh-token/);
}

async function update(account: DriveAccount): Promise<unknown> {
  return account.call('move a file', (drive, parameters) =>
    drive.files.update({ fileId: 'x', requestBody: { name: 'a' } }, parameters),
  );
}

describe('what Drive refuses becomes', { timeout: TIMEOUT_MS }, () => {
  for (const row of ROWS) {
    const [status, reason, code] = row;
    it(`${code} for ${status} ${reason}, of a call as of an upload`, async () => {
      await using stage = await driveStage();
      const { faults } = stage.server;
      const refusal = { does: 'refuse', status, ...(reason === '' ? {} : { reason }) } as const;
      faults.add('update', refusal, { times: 1000 });
      checkRow(await failureOf(update(stage.account()), code), row);
      faults.add('upload.begin', refusal, { times: 1000 });
      checkRow(await failureOf(saveOne(stage), code), row, status === 404);
    });
  }

  async function saveOne(stage: DriveStage): Promise<unknown> {
    const outputs = stage.outputs({ resumption: { maxFailures: 2 } });
    const folder = await outputs.createFolder('sale');
    return outputs.save(folder, 'a.mp4', await file(stage.dir, 'video'), FOREVER);
  }

  it('network if nothing listens, and if the connection is cut or stalls', async () => {
    await using stage = await driveStage();
    stage.server.faults.add('update', { does: 'lose' }, { times: 1000 });
    await failureOf(update(stage.account()), 'network', /Next step: /);
    stage.server.faults.clear();
    stage.server.faults.add('update', { does: 'stall' }, { times: 1000 });
    const quick = stage.account(undefined, { callMs: 100 });
    await failureOf(update(quick), 'network', /no answer in time\. Next step: /);
    const account = stage.account();
    await stage.server[Symbol.asyncDispose]();
    await failureOf(update(account), 'network', /ECONNREFUSED\. Next step: /);
  });

  it('nothing else: an unexpected error stays unchanged', async () => {
    await using stage = await driveStage();
    stage.server.faults.add('update', { does: 'refuse', status: 400, reason: 'badRequest' });
    await assert.rejects(update(stage.account()), (error) => {
      assert.ok(error instanceof Error && !PermanentError.is(error) && !TransientError.is(error));
      return true;
    });
    assert.equal(stage.server.seen('update').length, 1);
    const mistake = new TypeError('a defect');
    const calling = stage.account().call('fail', () => Promise.reject(mistake));
    await assert.rejects(calling, mistake);
  });

  it('a transient error while it is busy, even for creates and with 403, and never after a final refusal', async () => {
    await using stage = await driveStage();
    const { server } = stage;
    server.faults.add(
      'create',
      { does: 'refuse', status: 403, reason: 'userRateLimitExceeded' },
      { times: 3 },
    );
    const outputs = stage.outputs();
    const failure = await failureOf(outputs.createFolder('sale'), 'output_limited');
    assert.ok(TransientError.is(failure));
    assert.equal(server.seen('create').length, 1);
    await repeated(() => outputs.createFolder('sale'));
    assert.equal(server.seen('create').length, 4);
    assert.equal(server.list(stage.folderId).length, 1);
    server.faults.add(
      'create',
      { does: 'refuse', status: 403, reason: 'storageQuotaExceeded' },
      { times: 3 },
    );
    await assert.rejects(outputs.createFolder('other'), RequestError.is);
    assert.equal(server.seen('create').length, 5);
  });
});
