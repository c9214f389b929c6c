/** Task folders on Google Drive: checks that they can be created, and creates only one of each name. */
import { posix } from 'node:path';
import pLimit from 'p-limit';
import { PermanentError, TransientError } from '../../base/errors.ts';
import { unlessAborted } from '../../base/time-limit.ts';
import type { OutputFolder } from '../../model/task.ts';
import type { Memo } from '../../ports/memo.ts';
import { allEnded } from '../shared/all-ended.ts';
import { withFolders, withParents } from '../shared/plain-path.ts';
import { refusedFolder } from '../shared/refused-folder.ts';
import type { CallOptions, DriveAccount, DriveItem } from './account.ts';
import type { DriveIds } from './items.ts';
import { isName, itemById } from './items.ts';
import { checkParent, FOLDER, type Parent } from './parent.ts';
import { wasAnswered } from './refusal.ts';

export interface DriveFoldersOptions {
  account: DriveAccount;
  /** DRIVE_FOLDER_ID; 'root' is the account's own My Drive. */
  parentId: string;
  memo: Memo;
  ids: DriveIds;
}

export interface DriveFolders {
  /**
   * Returns the folder of that name, and creates it and its sub-folders if they are missing: each only once, for any
   * number of concurrent or repeated calls in any number of processes.
   * @param subFolders paths of plain names
   * @throws {RequestError} output_folder, with the hint
   * @throws {TransientError} if Drive is busy or gives no answer
   */
  folder(name: string, signal?: AbortSignal, subFolders?: readonly string[]): Promise<OutputFolder>;
}

/** How long a parent that was found usable is not checked again. */
const PARENT_MS = 60_000;
/** Sub-folders made at a time: the caller waits for all of them. */
const FOLDERS_AT_ONCE = 10;
/** An id is refused only if its folder was deleted permanently. This many in a row are not a coincidence. */
const MAX_IDS = 3;
const FIELDS = 'id,name,mimeType,trashed,parents,webViewLink';

export function createDriveFolders(options: DriveFoldersOptions): DriveFolders {
  const { account, parentId, memo, ids } = options;
  let parent: { found: Promise<Parent>; until: number } | undefined;

  /** One check for all calls within a minute, so none of them can abort it. A failure is not kept. */
  function parentFolder(): Promise<Parent> {
    if (parent !== undefined && performance.now() < parent.until) return parent.found;
    const found = checkParent(account, parentId);
    const own = { found, until: performance.now() + PARENT_MS };
    parent = own;
    found.catch(() => {
      if (parent === own) parent = undefined;
    });
    return found;
  }

  async function makeOrFind(name: string, within: Parent, call: CallOptions): Promise<DriveItem> {
    const key = `drive/folder/${within.id}/${name}`;
    const [known] = await memo.recall([key]);
    const kept = known === undefined ? undefined : await find(known, call);
    if (kept !== undefined && isOurs(kept, name, within)) return kept;

    const other = await oldest(name, within, call);
    // There is no folder with the stored id yet: another process may be creating it right now.
    const unused = kept === undefined ? known : undefined;
    const wanted = other?.id ?? unused ?? (await ids.next(call.signal));
    let id = wanted === known ? known : await memo.settle(key, wanted, known);
    for (let tries = 1; ; tries++) {
      if (other !== undefined && other.id === id) return other;
      const made = await make(id, name, within, call).catch((error: unknown) => {
        // Ids belong to the account that requested them, so they are refused after a change of credentials.
        if (!wasAnswered(error, 400) || tries === MAX_IDS) throw error;
        return undefined;
      });
      if (made !== undefined) return made;
      if (tries === MAX_IDS) throw unsettled(name);
      id = await memo.settle(key, await ids.next(call.signal), id);
    }
  }

  const find = (id: string, call: CallOptions) =>
    itemById(account, { id, what: 'the folder of the task', fields: FIELDS }, call);

  async function oldest(
    name: string,
    { id, driveId }: Parent,
    call: CallOptions,
  ): Promise<DriveItem | undefined> {
    const { files = [] } = await account.call(
      `look for the folder "${name}"`,
      (drive, parameters) =>
        drive.files.list(
          {
            q: `name = ${quoted(name)} and ${quoted(id)} in parents and mimeType = '${FOLDER}' and trashed = false`,
            orderBy: 'createdTime',
            pageSize: 10,
            fields: `files(${FIELDS})`,
            supportsAllDrives: true,
            includeItemsFromAllDrives: true,
            ...(driveId === undefined ? {} : { corpora: 'drive', driveId }),
          },
          parameters,
        ),
      call,
    );
    // Drive's search ignores case.
    return files.find((file) => file.name === name);
  }

  /** Undefined if the id belonged to a folder that was deleted permanently. */
  async function make(
    id: string,
    name: string,
    within: Parent,
    call: CallOptions,
  ): Promise<DriveItem | undefined> {
    try {
      return await account.call(
        `make the folder "${name}"`,
        (drive, parameters) =>
          drive.files.create(
            {
              requestBody: { id, name, mimeType: FOLDER, parents: [within.id] },
              fields: FIELDS,
              supportsAllDrives: true,
            },
            parameters,
          ),
        call,
      );
    } catch (error) {
      if (!wasAnswered(error, 409)) throw error;
      return find(id, call);
    }
  }

  /** Each of them as soon as the folder that it is in is there. Resolves to their ids. */
  async function makeInner(
    top: Parent,
    paths: readonly string[],
    call: CallOptions,
  ): Promise<(readonly [path: string, id: string])[]> {
    const limit = pLimit(FOLDERS_AT_ONCE);
    const made = new Map([['', Promise.resolve(top.id)]]);
    for (const path of paths) {
      const { dir, base } = posix.parse(path);
      const outer = made.get(dir) as Promise<string>;
      made.set(
        path,
        outer.then((id) =>
          limit(async () => idOf(await makeOrFind(base, { id, driveId: top.driveId }, call), base)),
        ),
      );
    }
    await allEnded([...made.values()]);
    return Promise.all(paths.map(async (path) => [path, await (made.get(path) as Promise<string>)] as const));
  }

  return {
    async folder(name, signal, subFolders = []) {
      const paths = withParents(subFolders);
      try {
        const within = await unlessAborted(signal, parentFolder());
        const top = await makeOrFind(name, within, { signal });
        const id = idOf(top, name);
        const location = top.webViewLink ?? `https://drive.google.com/drive/folders/${id}`;
        const inner = await makeInner({ id, driveId: within.driveId }, paths, { signal });
        return withFolders({ id, location }, inner);
      } catch (error) {
        throw PermanentError.is(error) ? refusedFolder(name, error) : error;
      }
    },
  };
}

function idOf({ id }: DriveItem, name: string): string {
  if (!id) throw new Error(`Expected Google Drive to give the id of the folder "${name}", got none`);
  return id;
}

function isOurs(item: DriveItem, name: string, within: Parent): boolean {
  return (
    item.mimeType === FOLDER &&
    item.trashed !== true &&
    isName(item.name, name) &&
    item.parents?.includes(within.id) === true
  );
}

/** https://developers.google.com/workspace/drive/api/guides/search-files: quotes and backslashes are escaped. */
function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

function unsettled(name: string): TransientError {
  return new TransientError(
    'output_busy',
    `Expected an id for the folder "${name}", got ${MAX_IDS} that were used before. Next step: none, it is retried.`,
  );
}
