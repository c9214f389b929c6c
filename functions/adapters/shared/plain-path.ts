import type { OutputFolder } from '../../model/task.ts';
import { isPlainName } from './plain-name.ts';

/** Where a file is, seen from the folder of its task. */
export interface PlainPath {
  /** Names of the sub-folders that lead to it, the outermost first. */
  folders: readonly string[];
  name: string;
}

/**
 * Takes the name of a file apart. Undefined if a part is no plain name, or if it begins with the path of a sub-folder that
 * was not made for this task: no path leads out of its folder.
 */
export function plainPath(
  { folders = {} }: OutputFolder,
  fileName: string,
  platform?: NodeJS.Platform,
): PlainPath | undefined {
  const end = fileName.lastIndexOf('/');
  if (end >= 0 && !Object.hasOwn(folders, fileName.slice(0, end))) return undefined;
  const parts = fileName.split('/');
  const name = parts.pop() as string;
  return [...parts, name].every((part) => isPlainName(part, platform)) ? { folders: parts, name } : undefined;
}

/**
 * These sub-folders and those that they are in, as paths; each after the one that it is in.
 * @throws if a part of one is no plain name
 */
export function withParents(subFolders: readonly string[], platform?: NodeJS.Platform): string[] {
  const all = new Set<string>();
  for (const path of subFolders) {
    const parts = path.split('/');
    if (!parts.every((part) => isPlainName(part, platform))) {
      throw new Error(`Expected a path of plain names, got ${JSON.stringify(path)}`);
    }
    for (let depth = 1; depth <= parts.length; depth++) all.add(parts.slice(0, depth).join('/'));
  }
  return [...all];
}

/** The folder with the ids of its sub-folders, if it has any. */
export function withFolders(
  folder: OutputFolder,
  subFolders: readonly (readonly [path: string, id: string])[],
): OutputFolder {
  return subFolders.length === 0 ? folder : { ...folder, folders: Object.fromEntries(subFolders) };
}
