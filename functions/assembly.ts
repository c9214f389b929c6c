/**
 * What every host has in common: the steps on top of the adapters, whichever adapters they are.
 */
import { createArtifacts } from './artifacts.ts';
import { createFetching } from './fetching.ts';
import type { Log } from './log.ts';
import type { Ffmpeg } from './media/ffmpeg.ts';
import type {
  ArtifactStore,
  Downloads,
  LeaseStore,
  Message,
  OutputStore,
  PinStore,
  Queue,
  ReportStore,
  Speech,
  TaskStore,
  UrlMemory,
} from './ports.ts';
import { fairSlots } from './slots.ts';
import { createSources } from './sources.ts';

/** One adapter for each port. */
export interface Adapters {
  tasks: TaskStore;
  reports: ReportStore;
  pins: PinStore;
  leases: LeaseStore;
  queue: Queue;
  urls: UrlMemory;
  artifacts: ArtifactStore;
  outputs: OutputStore;
  downloads: Downloads;
  speech: Speech;
}

/**
 * Where something may be put around what a host does: a trace, or a test's faults. The stages know nothing of it.
 */
export interface Seams {
  /** Around every adapter. */
  adapters<A extends Adapters>(adapters: A): A;
  /** Around every run of a stage, with its message where it has one, and every answer to a request. */
  run<T>(what: string, work: () => Promise<T>, message?: Message): Promise<T>;
  /** Milliseconds since the epoch: since when the time of tasks has been running, if not since the host's start. */
  upSince?: number;
}

export const NO_SEAMS: Seams = { adapters: (adapters) => adapters, run: (_what, work) => work() };

export interface AssemblyOptions {
  ffmpeg: Ffmpeg;
  log: Log;
  /** For unfinished work, on the file system of the artifacts where possible. */
  tempDir: string;
  /** How long a message waits for others before it is handed back. */
  patienceMs: number;
  /** Clips encoded at a time. */
  encoders: number;
  /** Combinations mixed at a time. */
  mixers: number;
  /** For encoding one clip. */
  threads: number;
  maxClipSeconds: number;
}

/** All that the stages need. */
export function assemble(adapters: Adapters, options: AssemblyOptions) {
  const { tasks, reports, pins, leases, queue, urls, outputs, downloads, speech } = adapters;
  const { ffmpeg, log, tempDir, patienceMs, threads, maxClipSeconds } = options;
  const artifacts = createArtifacts({ store: adapters.artifacts, leases, tempDir });
  const fetching = createFetching({
    pins,
    leases,
    artifacts,
    downloads,
    urls,
    ffmpeg,
    tempDir,
    patienceMs,
  });
  const sources = createSources({
    fetching,
    pins,
    artifacts,
    speech,
    ffmpeg,
    encoding: fairSlots(options.encoders),
    tempDir,
    threads,
    maxClipSeconds,
  });
  return {
    tasks,
    reports,
    pins,
    leases,
    queue,
    outputs,
    speech,
    artifacts,
    sources,
    ffmpeg,
    log,
    tempDir,
    patienceMs,
    mixing: fairSlots(options.mixers),
  };
}
