/**
 * Downloads, once per URL and task, whoever needs the bytes first; what was got is pinned, so that the whole task
 * uses one version of it.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Artifacts, workDir } from './artifacts.ts';
import { crashLoop, failureOf, MAX_UNREACHABLE, retryTransient } from './attempts.ts';
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
}

export interface Fetching {
  /** What the task has pinned for that source, downloaded if need be. Throws TransientError. */
  fetchOnce(task: Task, number: number, signal: AbortSignal): Promise<Fetched | Failed>;
  /** The pinned bytes; downloaded again where they were evicted, and refused where they are others by now. */
  bytesOf(task: Task, number: number, fetched: Fetched, signal: AbortSignal): Promise<Artifact<SourceMeta>>;
}

export type SourceMeta = Pick<Fetched, 'bytes' | 'probe'>;

/** Name of the file within the artifact of a source. */
export const BYTES = 'bytes';

export function createFetching(deps: FetchingDeps): Fetching {
  const { pins, leases, artifacts, ffmpeg } = deps;

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
      look: async () => (await pins.read(task.id, [name]))[0],
      async make(lease, held) {
        try {
          const failure = crashLoop(lease, 'download');
          if (failure !== undefined) return await pins.write(task.id, name, { error: failure });
          return await pins.write(task.id, name, await download(url, held));
        } catch (error) {
          const settled = lease.takes >= MAX_UNREACHABLE ? asUnreachable(error) : error;
          return pins.write(task.id, name, { error: failureOf(settled, lease, 'download', held) });
        }
      },
    });
  }

  async function download(url: string, signal: AbortSignal): Promise<Fetched> {
    await using dir = await workDir(deps.tempDir);
    const file = join(dir.path, BYTES);
    const known = await deps.urls.recall(url);
    // Asking "has it changed?" is only of use while the bytes are still here.
    using kept = known && (await artifacts.open<SourceMeta>(sourceKey(known.content)));
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
      sourceKey(answer.sha256),
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

  async function bytesOf(
    task: Task,
    number: number,
    fetched: Fetched,
    signal: AbortSignal,
  ): Promise<Artifact<SourceMeta>> {
    const kept = await artifacts.open<SourceMeta>(sourceKey(fetched.content));
    if (kept !== undefined) return kept;
    const again = await download(urlOf(task, number), signal);
    const artifact =
      again.content === fetched.content
        ? await artifacts.open<SourceMeta>(sourceKey(again.content))
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

function sourceKey(content: string): string {
  return `source/${content}`;
}

function asUnreachable(error: unknown): unknown {
  if (!TransientError.is(error) || (error.code !== 'network' && error.code !== 'source_busy')) return error;
  return new PermanentError('source_unreachable', 'download', error.message, { cause: error });
}
