/** The single-machine host with its videos on Google Drive and its prepared clips in a bucket. */
import { createHash } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectDrive } from '../../functions/adapters/drive/account.ts';
import { createDriveOutputs } from '../../functions/adapters/drive/outputs.ts';
import { createSqliteMemo } from '../../functions/adapters/sqlite/memo.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { sealedMemo } from '../../functions/coordination/seal.ts';
import { FOLDER_TYPE, OAUTH } from '../fixtures/drive/server.ts';
import { driveSettings, type GoogleServer, startGoogleServer } from '../fixtures/google/server.ts';
import { SEAL } from '../fixtures/system/seal.ts';
import type { AdapterSet } from './adapter-set.ts';
import { localSet } from './local-set.ts';
import { dataDir, filesBelow } from './on-disk.ts';

let google: GoogleServer | undefined;
/** DRIVE_FOLDER_ID of each trial, by the trial's folder. */
const parents = new Map<string, string>();

/** Call before the first trial. The processes that are killed find the server by its address. */
export async function startVendors(): Promise<void> {
  google = await startGoogleServer([]);
}

export async function stopVendors(): Promise<void> {
  await google?.[Symbol.asyncDispose]();
}

export const vendorSet: AdapterSet = {
  ...localSet,
  name: 'the single-machine host on Drive and Cloud Storage',
  // Calls over the network end in a different order each time.
  orderly: false,
  sweepsFirst: true,

  environment: (dir) => ({
    ...localSet.environment(dir),
    ...driveSettings(vendors(), parentOf(dir)),
    CACHE_BUCKET: bucketOf(dir),
  }),

  async open(dir) {
    await using opening = new AsyncDisposableStack();
    const local = opening.use(await localSet.open(dir));
    const database = opening.use(openDatabase(join(dataDir(dir), 'every-cut.sqlite')));
    const account = opening.use(connectDrive({ auth: OAUTH, apiUrl: vendors().url }));
    const memo = sealedMemo(createSqliteMemo({ database }), SEAL);
    const outputs = createDriveOutputs({ account, folderId: parentOf(dir), memo });
    const copy = join(dir, 'drive');
    await copyOfDrive(parentOf(dir), copy);
    const running = opening.move();
    return {
      ports: Object.defineProperties({ outputs } as typeof local.ports, {
        ...Object.getOwnPropertyDescriptors(local.ports),
        outputs: { value: outputs, enumerable: true },
      }),
      leftOvers: local.leftOvers,
      files: () => filesBelow(copy),
      fileIn: (folder, name) => join(copy, folder.id, name),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  },
};

function vendors(): GoogleServer {
  if (google === undefined) throw new Error('Expected startVendors to have been called');
  return google;
}

function parentOf(dir: string): string {
  const known = parents.get(dir);
  if (known !== undefined) return known;
  const { drive, storage } = vendors();
  const id = drive.state.add({ name: dir, mimeType: FOLDER_TYPE });
  parents.set(dir, id);
  storage.objects.addBucket(bucketOf(dir));
  return id;
}

/** A bucket per trial, because otherwise a trial would find what an earlier one prepared. */
function bucketOf(dir: string): string {
  return `artifacts-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`;
}

/** Copies Drive's files for the judge, including several of one name, which Drive allows. */
async function copyOfDrive(parent: string, to: string): Promise<void> {
  const { drive } = vendors();
  for (const folder of drive.list(parent)) {
    await mkdir(join(to, folder.id), { recursive: true });
    const names = new Set<string>();
    for (const { id, name, md5 = '' } of drive.list(folder.id)) {
      const file = join(to, folder.id, names.has(name) ? `${name} (${id})` : name);
      names.add(name);
      await writeFile(file, drive.read(id));
      // Derived from the content, so that it changes exactly when the content does.
      const time = Number.parseInt(md5.slice(0, 7), 16);
      await utimes(file, time, time);
    }
  }
}
