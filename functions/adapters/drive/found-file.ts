/** Reads saved files from Google Drive with the account. */
import { PermanentError } from '../../base/errors.ts';
import type { FoundFile } from '../../ports/outputs.ts';
import { changedFile } from '../shared/changed-file.ts';
import type { DriveAccount } from './account.ts';
import { outputError } from './errors.ts';
import { itemById } from './items.ts';
import { DriveRefusal, refusalOf } from './refusal.ts';

const FIELDS = 'id,size,md5Checksum,modifiedTime,trashed,webViewLink';

/** Undefined if there is no such file, or only in the trash. */
export async function findDriveFile(
  account: DriveAccount,
  id: string,
  fileName: string,
  signal: AbortSignal,
): Promise<FoundFile | undefined> {
  const find = async (signal: AbortSignal) => {
    const item = await itemById(account, { id, what: fileName, fields: FIELDS }, { signal });
    return item?.trashed ? undefined : item;
  };
  const found = await find(signal);
  if (found === undefined) return undefined;
  const bytes = Number(found.size);
  const version = found.md5Checksum ?? '';
  return {
    bytes,
    version,
    modifiedAt: Date.parse(found.modifiedTime ?? ''),
    link: async () => found.webViewLink ?? `https://drive.google.com/file/d/${id}/view`,
    async *read({ signal, from = 0, to = bytes - 1 }) {
      // A download names no version, so the file is looked at before it, also where a reader goes on.
      if ((await find(signal))?.md5Checksum !== version) throw changedFile(fileName);
      const url = new URL(`${account.root}/drive/v3/files/${encodeURIComponent(id)}`);
      url.search = new URLSearchParams({ alt: 'media', supportsAllDrives: 'true' }).toString();
      const isPart = from > 0 || to < bytes - 1;
      const headers = isPart ? { range: `bytes=${from}-${to}` } : {};
      try {
        const answer = await account.send({ url, method: 'GET', headers, signal });
        if (answer.statusCode !== (isPart ? 206 : 200)) throw await refusalOf(answer);
        yield* answer.body as AsyncIterable<Buffer>;
      } catch (error) {
        signal.throwIfAborted();
        throw readError(error, fileName, account);
      }
    },
  };
}

/** Drive may also refuse a download to an account that sees the file. */
function readError(error: unknown, fileName: string, { mode }: DriveAccount): unknown {
  const translated = outputError(error, `send ${fileName}`, mode);
  if (translated !== error || !(error instanceof DriveRefusal)) return translated;
  const detail = `Expected Google Drive to send ${fileName}, got ${error.message}. Next step: open it on Drive.`;
  return new PermanentError('output_forbidden', 'save', detail, { cause: error });
}
