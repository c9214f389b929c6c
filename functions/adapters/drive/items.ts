/** Files and folders by their ids, and the ids that Google draws for those not made yet. */
import { TransientError } from '../../base/errors.ts';
import { unlessAborted } from '../shared/unless-aborted.ts';
import type { CallOptions, DriveAccount, DriveItem } from './account.ts';
import { wasAnswered } from './refusal.ts';

export interface Wanted {
  id: string;
  /** For messages: what it is. */
  what: string;
  /** What Drive is to tell of it, with commas between. */
  fields: string;
}

/** A file or folder by its id; undefined where there is none that the account may see. */
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

/** The same name, as far as Drive may have tidied it: only for what has an id of ours. */
export function isName(found: string | null | undefined, name: string): boolean {
  const tidied = (text: string) => text.normalize().trim();
  return typeof found === 'string' && tidied(found) === tidied(name);
}

/** What one call draws; Drive gives up to 1,000. Those not used are simply never used. */
const DRAWN_AT_ONCE = 50;

/** Ids that Google drew for files not made yet. */
export interface DriveIds {
  draw(options?: CallOptions): Promise<string>;
}

/** https://developers.google.com/workspace/drive/api/reference/rest/v3/files/generateIds */
export function createDriveIds(account: DriveAccount): DriveIds {
  const drawn: string[] = [];
  let drawing: Promise<void> | undefined;

  async function refill(options: CallOptions): Promise<void> {
    const { ids } = await account.call(
      'draw ids',
      (drive, parameters) =>
        drive.files.generateIds({ count: DRAWN_AT_ONCE, space: 'drive', type: 'files' }, parameters),
      options,
    );
    drawn.push(...(ids ?? []));
  }

  return {
    async draw(options = {}) {
      for (;;) {
        const id = drawn.pop();
        if (id !== undefined) return id;
        // One call for all who wait; whoever gave up must not take it from the others.
        drawing ??= refill({}).finally(() => {
          drawing = undefined;
        });
        await unlessAborted(endOf(options), drawing);
      }
    },
  };
}

/** When who asks has no more time, also where the call under way is another one's, who has. */
function endOf({ signal, deadline }: CallOptions): AbortSignal {
  const late = new AbortController();
  if (deadline !== undefined) {
    const ms = Math.max(0, deadline - performance.now());
    const reason = new TransientError('output_busy', 'Expected Google Drive to draw ids in time, got none.');
    setTimeout(() => late.abort(reason), ms).unref();
  }
  return signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
}
