import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Removes the entries of a folder whose names match `form`, and no others, because people may use the folder too.
 * Returns how many were removed. Entries that cannot be removed stay.
 */
export async function sweepFolder(dir: string, form: RegExp): Promise<number> {
  const names = (await readdir(dir).catch(() => [])).filter((name) => form.test(name));
  const removed = await Promise.all(
    names.map((name) =>
      rm(join(dir, name), { recursive: true, force: true }).then(
        () => 1,
        () => 0,
      ),
    ),
  );
  return removed.reduce<number>((sum, one) => sum + one, 0);
}
