/** What artifacts of sources have in common; those of clips and tracks are made from the bytes at a URL. */
import { PermanentError } from '../base/errors.ts';
import type { Fetched, Prepared } from '../model/pins.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { countFound } from './artifact-counts.ts';
import { type Artifacts, disposeOf, type MakeAll, type MakeOptions } from './artifacts.ts';
import { BYTES, type Fetching } from './fetch-source.ts';

/** Names of files within artifacts. */
export const VIDEO = 'video.mp4';
export const SOUND = 'sound.s16le';

/** Increase it with every change to what conforming or decoding makes, so that older artifacts are not reused. */
export const RECIPE = '5';

export type PreparedMeta = Omit<Prepared, 'artifact' | 'error'>;

/** A source of a task, and what was found at its URL. */
export interface FetchedSource {
  task: Task;
  number: number;
  fetched: Fetched;
}

/** As MakeAll, from the bytes in `file`. */
export type MakeAllFrom<M> = (file: string, ...made: Parameters<MakeAll<M>>) => Promise<M>;

/** Makes the artifact in `dir` from the bytes in `file`. */
export type MakeFrom<M> = (file: string, dir: string, signal: AbortSignal) => Promise<M>;

/** Throws PermanentError, also if an earlier fetch of it for the task did, and TransientError. */
export async function fetchedSource(
  fetching: Fetching,
  task: Task,
  number: number,
  signal: AbortSignal,
): Promise<FetchedSource> {
  const fetched = await fetching.fetchOnce(task, number, signal);
  if (fetched.error !== undefined) {
    const { code, stage, message } = fetched.error;
    throw new PermanentError(code, stage, message);
  }
  return { task, number, fetched };
}

/**
 * Has the bytes before it asks for room: if they were evicted, their download takes minutes, which must not cost the
 * only encoder. Asks for no bytes while another process makes the artifact.
 */
export async function madeFrom<M extends PreparedMeta>(
  { fetching, artifacts }: { fetching: Fetching; artifacts: Artifacts },
  { task, number, fetched }: FetchedSource,
  key: string,
  make: MakeFrom<M>,
  options: MakeOptions,
): Promise<Artifact<M>> {
  const made = await artifacts.madeElsewhere<M>(key, options.signal);
  if (made !== undefined) {
    countFound([made]);
    return made;
  }
  using bytes = await fetching.bytesOf(task, number, fetched, options.signal);
  return await artifacts.getOrCreate(key, (dir, held) => make(bytes.path(BYTES), dir, held), options);
}

/** The same for several artifacts that are made together. */
export async function allMadeFrom<M extends PreparedMeta>(
  { fetching, artifacts }: { fetching: Fetching; artifacts: Artifacts },
  { task, number, fetched }: FetchedSource,
  keys: readonly string[],
  make: MakeAllFrom<M>,
  options: MakeOptions,
): Promise<Artifact<M>[]> {
  const made: Artifact<M>[] = [];
  try {
    for (const key of keys) {
      const artifact = await artifacts.madeElsewhere<M>(key, options.signal);
      if (artifact !== undefined) made.push(artifact);
    }
    if (made.length === keys.length) {
      countFound(made);
      return made.splice(0);
    }
    using bytes = await fetching.bytesOf(task, number, fetched, options.signal);
    return await artifacts.getOrCreateAll(keys, (...into) => make(bytes.path(BYTES), ...into), options);
  } finally {
    disposeOf(made);
  }
}
