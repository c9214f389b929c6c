/** Files and folders by their ids, and ids that Google draws for files that are yet to be made. */
import { unlessAborted } from '../../base/time-limit.ts';
import type { CallOptions, DriveAccount, DriveItem } from './account.ts';
import { wasAnswered } from './refusal.ts';

export interface Wanted {
  id: string;
  /** Names it in messages. */
  what: string;
  /** The fields to ask for, separated by commas. */
  fields: string;
}

/** A file or folder by its id; undefined if there is none that the account may see. */
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

/** Whether that is the name, except for what Drive tidies. Only for files with an id of ours. */
export function isName(found: string | null | undefined, name: string): boolean {
  const tidied = (text: string) => text.normalize().trim();
  return typeof found === 'string' && tidied(found) === tidied(name);
}

/** Ids per call, of up to 1,000. Drive does not mind ids that are never used. */
const DRAWN_AT_ONCE = 50;

/** Ids for files that are yet to be made. */
export interface DriveIds {
  /** Rejects with the signal's reason, also while the ids are drawn for another caller. */
  draw(signal?: AbortSignal): Promise<string>;
}

/** https://developers.google.com/workspace/drive/api/reference/rest/v3/files/generateIds */
export function createDriveIds(account: DriveAccount): DriveIds {
  const drawn: string[] = [];
  let drawing: Promise<void> | undefined;

  async function refill(): Promise<void> {
    const { ids } = await account.call('draw ids', (drive, parameters) =>
      drive.files.generateIds({ count: DRAWN_AT_ONCE, space: 'drive', type: 'files' }, parameters),
    );
    drawn.push(...(ids ?? []));
  }

  return {
    async draw(signal) {
      for (;;) {
        const id = drawn.pop();
        if (id !== undefined) return id;
        // One call for everyone who waits, so it does not end with any one of them.
        drawing ??= refill().finally(() => {
          drawing = undefined;
        });
        await unlessAborted(signal, drawing);
      }
    },
  };
}
