/** Looks up files and folders by id, and requests ids for files that do not exist yet. */
import { unlessAborted } from '../../base/time-limit.ts';
import type { CallOptions, DriveAccount, DriveItem } from './account.ts';
import { wasAnswered } from './refusal.ts';

export interface Wanted {
  id: string;
  /** What messages call it. */
  what: string;
  /** The fields to ask for, separated by commas. */
  fields: string;
}

/** Returns a file or folder by its id; undefined if there is none that the account may see. */
export async function itemById(
  account: DriveAccount,
  { id, what, fields }: Wanted,
  call: CallOptions,
): Promise<DriveItem | undefined> {
  try {
    return await account.call(
      `show ${what}`,
      (drive, parameters) => drive.files.get({ fileId: id, fields, supportsAllDrives: true }, parameters),
      call,
    );
  } catch (error) {
    if (wasAnswered(error, 404)) return undefined;
    throw error;
  }
}

/** Whether the names are the same, apart from what Drive normalizes. Only for files with an id of ours. */
export function isName(found: string | null | undefined, name: string): boolean {
  const normalized = (text: string) => text.normalize().trim();
  return typeof found === 'string' && normalized(found) === normalized(name);
}

/** Ids per call, of up to 1,000. Ids that are never used do no harm. */
const IDS_PER_CALL = 50;

/** Ids for files that do not exist yet. */
export interface DriveIds {
  /** Rejects with the signal's reason, even while the ids are requested for another caller. */
  next(signal?: AbortSignal): Promise<string>;
}

/** https://developers.google.com/workspace/drive/api/reference/rest/v3/files/generateIds */
export function createDriveIds(account: DriveAccount): DriveIds {
  const unused: string[] = [];
  let refilling: Promise<void> | undefined;

  async function refill(): Promise<void> {
    const { ids } = await account.call('generate ids', (drive, parameters) =>
      drive.files.generateIds({ count: IDS_PER_CALL, space: 'drive', type: 'files' }, parameters),
    );
    unused.push(...(ids ?? []));
  }

  return {
    async next(signal) {
      for (;;) {
        const id = unused.pop();
        if (id !== undefined) return id;
        // One call for all waiting callers, so none of them can abort it.
        refilling ??= refill().finally(() => {
          refilling = undefined;
        });
        await unlessAborted(signal, refilling);
      }
    },
  };
}
