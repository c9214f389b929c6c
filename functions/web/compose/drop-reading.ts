/** The files of a drop, with those in dropped folders. */
import type { Dropped } from './arrange.ts';

/** Must be called while the drop is handled: later, browsers have forgotten what was dropped. */
export async function readDrop(transfer: DataTransfer): Promise<readonly Dropped[]> {
  const found = [...transfer.items].map((item) => ({
    entry: item.webkitGetAsEntry?.() ?? null,
    file: item.getAsFile(),
  }));
  const read = await Promise.all(
    found.map(({ entry, file }) =>
      entry === null ? (file === null ? [] : [{ folders: [], file }]) : readEntry(entry, []),
    ),
  );
  return read.flat();
}

/** What a person chose by a button; with folders if it was one. */
export function chosenFiles(files: FileList | null): readonly Dropped[] {
  return [...(files ?? [])].map((file) => ({
    folders: file.webkitRelativePath.split('/').slice(0, -1),
    file,
  }));
}

/** Whether files are dragged, and not a part of this page. */
export function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes('Files') ?? false;
}

async function readEntry(entry: FileSystemEntry, folders: readonly string[]): Promise<Dropped[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    ).catch(() => undefined);
    return file === undefined ? [] : [{ folders, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const inner = [...folders, entry.name];
  const read: Dropped[] = [];
  for (;;) {
    // At most a hundred at a time, and none once all were given.
    const some = await new Promise<FileSystemEntry[]>((resolve) =>
      reader.readEntries(resolve, () => resolve([])),
    );
    if (some.length === 0) return read;
    for (const one of some) read.push(...(await readEntry(one, inner)));
  }
}
