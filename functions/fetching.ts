/**
 * Downloads, once per URL and task, whoever needs the bytes first; what was got is pinned, so that the whole task
 * uses one version of it.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Artifacts, artifactKey, workDir } from './artifacts.ts';
import { failureOf, refuseCrashLoop, retryTransient } from './attempts.ts';
import { PermanentError, TransientError } from './errors.ts';
import { once } from './lease.ts';
import type { Ffmpeg } from './media/ffmpeg.ts';
import { probe } from './media/probe.ts';
import type { Artifact, Downloads, Failed, Fetched, LeaseStore, PinStore, Task, UrlMemory } from './ports.ts';

export interface FetchingDeps {
  pins: PinStore;
  leases: LeaseStore;
  artifacts: Artifacts;
  downloads: Downloads;
  urls: UrlMemory;
  ffmpeg: Ffmpeg;
  tempDir: string;
  /** How long to wait for another holder of the download before the message is handed back. */
  patienceMs: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

export interface Fetching {
  /** What the task has pinned for that source, downloaded if need be. Throws TransientError. */
  fetchOnce(task: Task, number: number, signal: AbortSignal): Promise<Fetched | Failed>;
  /** The pinned bytes; downloaded again where they were evicted, and refused where they are others by now. */
  bytesOf(task: Task, number: number, fetched: Fetched, signal: AbortSignal): Promise<Artifact<SourceMeta>>;
}

export type SourceMeta = Pick<Fetched, 'bytes' | 'probe'>;

/** Raises with every change to what probing finds out, so that older probes are not taken for it. */
const PROBE_RECIPE = '1';
/** A source whose server stays out of reach for so long fails: long enough for a restart, short enough to wait for. */
const UNREACHABLE_MS = 300_000;
const LEAST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 120_000;

/** Name of the file within the artifact of a source. */
export const BYTES = 'bytes';

export function createFetching(deps: FetchingDeps): Fetching {
  const { pins, leases, artifacts, ffmpeg, now = Date.now } = deps;

  return { fetchOnce, bytesOf };

  async function fetchOnce(task: Task, number: number, signal: AbortSignal): Promise<Fetched | Failed> {
    const url = urlOf(task, number);
    // A URL that is clip and track is still one download: the first source that names it stands for all.
    const first = task.plan.sources.findIndex((source) => source.kind !== 'line' && source.url === url);
    const name = `fetched-${first}` as const;
    return once<Fetched | Failed>({
      leases,
      key: `fetch/${task.id}/${first}`,
      signal,
      patienceMs: deps.patienceMs,
      look: async () => (await pins.read(task.id, [name]))[0],
      async make(lease, held) {
        try {
          refuseCrashLoop(lease, 'download');
          await refusePause(task, first);
          return await pins.write(task.id, name, await download(url, held));
        } catch (error) {
          const settled = isOutOfReach(error) ? await outOfReach(task, first, error) : error;
          return pins.write(task.id, name, { error: failureOf(settled, lease, 'download', held) });
        }
      },
    });
  }

  /** While its server is left alone, everyone waits: each prepare may want the first clip, for the profile. */
  async function refusePause(task: Task, first: number): Promise<void> {
    const [pause] = await leases.read([pauseKey(task, first)]);
    if (pause?.held) throw new TransientError('waiting', 'The server of a source is given time to recover.');
  }

  /** Leaves the server alone for a while, or gives up on it when it has been out of reach for long. */
  async function outOfReach(task: Task, first: number, error: TransientError): Promise<Error> {
    const { since } = await pins.write(task.id, `unreached-${first}`, { since: now() });
    const seconds = Math.round((now() - since) / 1000);
    if (now() - since >= UNREACHABLE_MS) {
      const message = `${error.message} It has been out of reach for ${seconds} s and is not asked again.`;
      return new PermanentError('source_unreachable', 'download', message, { cause: error });
    }
    const pauseMs = Math.min(Math.max(error.retryAfterMs ?? 0, LEAST_PAUSE_MS), LONGEST_PAUSE_MS);
    // Never released: a note that lapses.
    await leases.take(pauseKey(task, first), pauseMs);
    return error;
  }

  async function download(url: string, signal: AbortSignal): Promise<Fetched> {
    await using dir = await workDir(deps.tempDir);
    const file = join(dir.path, BYTES);
    const known = await deps.urls.recall(url);
    // Asking "has it changed?" is only of use while the bytes are still here.
    using kept = known && (await artifacts.open<SourceMeta>(await sourceKey(known.content)));
    const answer = await retryTransient(
      () => deps.downloads.get(url, file, { validator: kept && known?.validator, signal }),
      { signal },
    );
    if (!answer.modified) {
      if (kept === undefined || known === undefined) {
        throw new PermanentError(
          'source_refused',
          'download',
          'Expected the file, got the answer "not modified" to an unconditional request. Check the server.',
        );
      }
      return { content: known.content, ...kept.meta };
    }
    using artifact = await artifacts.getOrCreate<SourceMeta>(
      await sourceKey(answer.sha256),
      async (into, held) => {
        const looked = await probe(ffmpeg, file, { signal: held });
        await rename(file, join(into, BYTES));
        return { bytes: answer.bytes, probe: looked };
      },
      signal,
    );
    if (answer.validator !== null) await deps.urls.remember(url, answer.sha256, answer.validator);
    return { content: answer.sha256, ...artifact.meta };
  }

  async function sourceKey(content: string): Promise<string> {
    return artifactKey('source', [content, PROBE_RECIPE, await ffmpeg.version()]);
  }

  async function bytesOf(
    task: Task,
    number: number,
    fetched: Fetched,
    signal: AbortSignal,
  ): Promise<Artifact<SourceMeta>> {
    const kept = await artifacts.open<SourceMeta>(await sourceKey(fetched.content));
    if (kept !== undefined) return kept;
    const again = await download(urlOf(task, number), signal);
    const artifact =
      again.content === fetched.content
        ? await artifacts.open<SourceMeta>(await sourceKey(again.content))
        : undefined;
    if (artifact !== undefined) return artifact;
    throw new PermanentError(
      'source_changed',
      'download',
      'Expected the bytes that this task began with, got others. Post again to use the new version.',
    );
  }
}

function urlOf(task: Task, number: number): string {
  const source = task.plan.sources[number];
  if (source === undefined || source.kind === 'line') throw new Error(`Source ${number} has no URL`);
  return source.url;
}

function pauseKey(task: Task, first: number): string {
  return `fetch-pause/${task.id}/${first}`;
}

function isOutOfReach(error: unknown): error is TransientError {
  return TransientError.is(error) && (error.code === 'network' || error.code === 'source_busy');
}
