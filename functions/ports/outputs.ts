/**
 * The folders of the videos: what is saved there, and read from there. A file name may begin with the path of a sub-folder that
 * `createFolder` made.
 */
import type { OutputFolder } from '../model/task.ts';

export interface SavedFile {
  url: string;
  bytes: number;
}

/** Whose file it is: a task and its retries give their files the same names. */
export interface FileOwner {
  taskId: string;
  /** Asked right before the file gets its name, or loses it. False: the step is late and changes nothing. */
  isCurrent: () => Promise<boolean>;
}

/** A saved file as it was found. Reading it, or making a link to it, may come much later or never. */
export interface FoundFile {
  readonly bytes: number;
  /** Another one for other bytes: letters, digits and - alone. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /**
   * Bytes from..to, inclusive; all by default. Opened at the first piece; closed at the last one, at an early return, and
   * when the signal fires, also while nobody takes pieces. Ends early, or throws PermanentError output_missing, if the file
   * was replaced or removed since it was found. Throws TransientError if the bytes from where it stopped may come later.
   */
  read(range: { signal: AbortSignal; from?: number; to?: number }): AsyncGenerator<Uint8Array>;
  /**
   * An address where a browser gets it; undefined if only the service can read it. Throws TransientError if there is one
   * that cannot be had now.
   */
  link(signal: AbortSignal): Promise<string | undefined>;
}

export interface OutputStore {
  /**
   * process-media: returns the folder of that name. If it is missing, it is created, only once for concurrent calls.
   * Throws RequestError 'output_folder', with a hint, if videos could not be saved there, and TransientError if that
   * cannot be determined now: a second call continues where the first one stopped. Rejects with the signal's reason.
   * @param subFolders paths of folders in it that are needed, too, such as "de/9x16"
   */
  createFolder(name: string, signal?: AbortSignal, subFolders?: readonly string[]): Promise<OutputFolder>;
  /**
   * render, complete: moves the file there and replaces one of the same name. An unfinished file never has the name.
   * Throws TransientError 'waiting' if the owner is no longer current: what another owner has saved then stays.
   */
  save(
    folder: OutputFolder,
    fileName: string,
    file: string,
    signal: AbortSignal,
    owner?: FileOwner,
  ): Promise<SavedFile>;
  /**
   * complete, render: removes files that were saved but are not videos of the task, because their process died before
   * it could report, or reported too late. Names that do not exist, which is the usual case, are no error. What another
   * owner has saved under the name stays.
   */
  remove(folder: OutputFolder, fileNames: readonly string[], owner?: FileOwner): Promise<void>;
  /**
   * video, zip: the file that the task has saved under that name; undefined if it is gone, because someone removed it.
   * Never follows a link out of the folder. Throws PermanentError if the service may not read it.
   */
  find(
    folder: OutputFolder,
    fileName: string,
    owner: Pick<FileOwner, 'taskId'>,
    signal: AbortSignal,
  ): Promise<FoundFile | undefined>;
}
