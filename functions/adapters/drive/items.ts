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
