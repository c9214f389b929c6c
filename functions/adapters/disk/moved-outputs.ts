/** Output folders and addresses of files after OUTPUT_DIR has become another folder, as in a back-up restored elsewhere. */
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { OutputFolder } from '../../model/task.ts';

export interface MovedOutputs {
  /** Undefined for one that was not directly in the earlier OUTPUT_DIR: it stays where it is. */
  folder(folder: OutputFolder): OutputFolder | undefined;
  /** The address of a saved file; the same for one elsewhere. */
  url(url: string): string;
}

/** @param from the earlier OUTPUT_DIR, @param to the one of now: absolute paths */
export function movedOutputs(from: string, to: string): MovedOutputs {
  const [earlier, now] = [resolve(from), resolve(to)];
  const [earlierUrl, nowUrl] = [earlier, now].map((dir) => `${pathToFileURL(dir).href}/`) as [string, string];
  return {
    folder({ id, folders }) {
      if (dirname(id) !== earlier) return undefined;
      const moved = join(now, basename(id));
      return {
        id: moved,
        location: moved,
        ...(folders && {
          folders: Object.fromEntries(Object.keys(folders).map((path) => [path, join(moved, path)])),
        }),
      };
    },

    url: (url) => (url.startsWith(earlierUrl) ? `${nowUrl}${url.slice(earlierUrl.length)}` : url),
  };
}
