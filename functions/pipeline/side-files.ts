/** Files beside a video: its cover and its captions. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { retryTransient } from '../coordination/retry-policy.ts';
import { sideFileName } from '../model/names.ts';
import type { SideFile, SideFileKind } from '../model/report.ts';
import type { Task } from '../model/task.ts';
import type { FileOwner, OutputStore } from '../ports/outputs.ts';

export interface MadeSideFile {
  kind: SideFileKind;
  /** Absolute path. It stays where it is. */
  file: string;
}

export interface BesideVideo {
  task: Pick<Task, 'folder'>;
  /** File name of the video. */
  video: string;
  /** Of its line; undefined if it is unknown. */
  language: string | undefined;
  owner: FileOwner;
  /** Private folder of the render. */
  dir: string;
  signal: AbortSignal;
}

/**
 * Saves them one after the other, before the video: whoever finds a video finds what belongs to it. Another delivery saves
 * the same again, and what is left of one that died is removed with its video. Throws as OutputStore.save does.
 */
export async function saveSideFiles(
  files: readonly MadeSideFile[],
  { task, video, language, owner, dir, signal }: BesideVideo,
  { outputs }: { outputs: Pick<OutputStore, 'save'> },
): Promise<SideFile[]> {
  const saved: SideFile[] = [];
  for (const { kind, file } of files) {
    const fileName = sideFileName(video, kind, language);
    // Copied for each try: saving moves the file.
    const copy = join(dir, `saved-${kind}`);
    const save = async () => {
      await writeFile(copy, await readFile(file));
      return await outputs.save(task.folder, fileName, copy, signal, owner);
    };
    const { url, bytes } = await retryTransient(save, { signal, stage: 'save' });
    saved.push({ kind, fileName, url, bytes });
  }
  return saved;
}
