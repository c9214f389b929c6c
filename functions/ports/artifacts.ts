/** Artifacts: finished, checked files that are made once for all tasks. */

/** A finished, checked artifact on this machine's disk. It is not evicted until it is disposed of. */
export interface Artifact<M = unknown> extends Disposable {
  readonly key: string;
  readonly meta: M;
  /** Of its files together. */
  readonly bytes: number;
  /** Names of its files. */
  readonly files: readonly string[];
  /** Absolute path of one of its files. */
  path(name: string): string;
}

export interface ArtifactStore {
  /** Returns undefined if there is none. An artifact with a wrong checksum is removed and counts as missing. */
  open<M>(key: string): Promise<Artifact<M> | undefined>;
  /** Takes over the files of `dir`. If there is an artifact with this key already, it stays and is returned. */
  put<M>(key: string, dir: string, meta: M): Promise<Artifact<M>>;
}
