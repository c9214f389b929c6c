/** The folder of DRIVE_FOLDER_ID, in which the task folders are created. */
import { PermanentError } from '../../base/errors.ts';
import type { DriveAccount } from './account.ts';

export interface Parent {
  id: string;
  /** The shared drive that it is on; undefined in My Drive. */
  driveId: string | undefined;
}

export const FOLDER = 'application/vnd.google-apps.folder';
/** Service accounts own no storage, so their files must be on a shared drive. */
const SERVICE_ACCOUNT = /\.gserviceaccount\.com$/;

/**
 * Checks that this account can create folders and save videos in it.
 * @throws {PermanentError} output_missing, output_forbidden or output_full, and the errors of the calls
 */
export async function checkParent(account: DriveAccount, parentId: string): Promise<Parent> {
  const [folder, about] = await Promise.all([
    account.call(`show the folder of DRIVE_FOLDER_ID`, (drive, parameters) =>
      drive.files.get(
        {
          fileId: parentId,
          fields: 'id,name,mimeType,trashed,driveId,capabilities(canAddChildren)',
          supportsAllDrives: true,
        },
        parameters,
      ),
    ),
    account.call('tell whose account this is', (drive, parameters) =>
      drive.about.get({ fields: 'user(emailAddress),storageQuota(limit,usage)' }, parameters),
    ),
  ]);
  const email = about.user?.emailAddress ?? 'the account';
  if (folder.mimeType !== FOLDER) {
    throw permanent(
      'output_missing',
      `a folder as DRIVE_FOLDER_ID, got ${folder.mimeType}`,
      'set the id of a folder',
    );
  }
  if (folder.trashed) {
    throw permanent('output_missing', 'the folder of DRIVE_FOLDER_ID, got it from the trash', 'restore it');
  }
  const driveId = folder.driveId ?? undefined;
  if (folder.capabilities?.canAddChildren !== true) {
    throw permanent(
      'output_forbidden',
      `${email} to be allowed to add files to the folder of DRIVE_FOLDER_ID, got read access`,
      `share it with ${email} as ${driveId === undefined ? 'Editor' : 'Content manager'}`,
    );
  }
  if (driveId === undefined && SERVICE_ACCOUNT.test(email)) {
    throw permanent(
      'output_full',
      `a folder on a shared drive, got one in My Drive, where the service account ${email} owns no storage`,
      'move the folder to a shared drive, or set DRIVE_AUTH to oauth or delegation',
    );
  }
  const { limit, usage } = about.storageQuota ?? {};
  if (driveId === undefined && limit && Number(usage ?? 0) >= Number(limit)) {
    throw permanent(
      'output_full',
      `free storage of ${email}, got ${usage} of ${limit} bytes in use`,
      'free some storage',
    );
  }
  if (!folder.id) throw new Error('Expected Google Drive to give the id of DRIVE_FOLDER_ID, got none');
  return { id: folder.id, driveId };
}

function permanent(
  code: 'output_missing' | 'output_forbidden' | 'output_full',
  expectedAndGot: string,
  nextStep: string,
): PermanentError {
  return new PermanentError(code, 'save', `Expected ${expectedAndGot}. Next step: ${nextStep}.`);
}
