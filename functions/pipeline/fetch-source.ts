/**
 * Downloads, once per URL and task, whoever needs the bytes first; what was got is pinned, so that the whole task
 * uses one version of it.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError, TransientError } from '../base/errors.ts';
import { once } from '../coordination/lease.ts';
import { failureOf, refuseCrashLoop, retryTransient } from '../coordination/retry-policy.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { probe } from '../media/probe.ts';
import type { Failed, Fetched } from '../model/pins.ts';
import type { SourceAddress } from '../model/source-location.ts';
import type { Task } from '../model/task.ts';
import type { Artifact, Downloads, LeaseStore, PinStore, UrlMemory } from '../ports.ts';
import { type Artifacts, artifactKey, workDir } from './artifacts.ts';

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
}

export interface Fetching {
  /** What the task has pinned for that source, downloaded if need be. Throws TransientError. */
  fetchOnce(task: Task, number: number, signal: AbortSignal): Promise<Fetched | Failed>;
  /** The pinned bytes; downloaded again where they were evicted, and refused where they are others by now. */
  bytesOf(task: Task, number: number, fetched: Fetched, signal: AbortSignal): Promise<Artifact<SourceMeta>>;
}

export type SourceMeta = Pick<Fetched, 'bytes' | 'probe'>;

/** Raises with every change to what probing finds out, so that older probes are not taken for it. */
const PROBE_RECIPE = '2';
/** The bytes of a task that an older build began lie under its key. */
const OLDER_RECIPE = '1';
/** Rounds of retries, each of up to RETRY_MS and a pause: about four minutes for a server that is down. */
export const MAX_ROUNDS = 6;
const LEAST_PAUSE_MS = 2_000;
/** Longest Retry-After that is honoured. */
const LONGEST_PAUSE_MS = 600_000;
/** How often those who wait for the end of a pause look for it. */
const LOOK_AGAIN_MS = 5_000;

/** Name of the file within the artifact of a source. */
export const BYTES = 'bytes';

export function createFetching(deps: FetchingDeps): Fetching {
  const { pins, leases, artifacts, ffmpeg } = deps;

  return { fetchOnce, bytesOf };

  async function fetchOnce(task: Task, number: number, signal: AbortSignal): Promise<Fetched | Failed> {
    const first = firstOf(task, number);
    const name = `fetched-${first}` as const;
    const find = async () => (await pins.read(task.id, [name]))[0];
    const pinned = await find();
    if (pinned !== undefined) return pinned;
    await refusePause(task, first);
    return once<Fetched | Failed>({
      leases,
      key: `fetch/${task.id}/${first}`,
      signal,
      patienceMs: deps.patienceMs,
      find,
      async create(lease, held) {
        try {
          refuseCrashLoop(lease, 'download');
          return await pins.write(task.id, name, await downloadFor(task, first, held));
        } catch (error) {
          return pins.write(task.id, name, { error: failureOf(error, lease, 'download', held) });
        }
      },
    });
  }

  /** Leaves a server that is out of reach alone for a while, and gives up on it after MAX_ROUNDS. */
  async function downloadFor(task: Task, first: number, signal: AbortSignal): Promise<Fetched> {
    await refusePause(task, first);
    try {
      return await download(addressOf(task, first), signal);
    } catch (error) {
      if (!isOutOfReach(error) || signal.aborted) throw error;
      const pauseMs = Math.min(Math.max(error.retryAfterMs ?? 0, LEAST_PAUSE_MS), LONGEST_PAUSE_MS);
      // A note that lapses, and counts the rounds; it forgets them when the last one is an hour ago.
      const round = await leases.take(pauseKey(task, first), pauseMs);
      if (round === undefined || round.takes < MAX_ROUNDS) throw error;
      const message = `${error.message} It was tried in ${round.takes} rounds.`;
      throw new PermanentError('source_unreachable', 'download', message, { cause: error });
    }
  }

  /** While its server is left alone, everyone waits: each prepare may want the first clip, for the profile. */
  async function refusePause(task: Task, first: number): Promise<void> {
    const [pause] = await leases.read([pauseKey(task, first)]);
    if (!pause?.held) return;
    throw new TransientError('waiting', 'The server of a source is given time to recover.', {
      retryAfterMs: LOOK_AGAIN_MS,
    });
  }

  async function download({ url, location }: SourceAddress, signal: AbortSignal): Promise<Fetched> {
    await using dir = await workDir(deps.tempDir);
    const file = join(dir.path, BYTES);
    const known = await deps.urls.recall(url);
    // Asking "has it changed?" is only of use while the bytes are still here.
    using kept = known && (await artifacts.open<SourceMeta>(await sourceKey(known.content), signal));
    const answer = await retryTransient(
      () => deps.downloads.get(location, file, { validator: kept && known?.validator, signal }),
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
      { signal },
    );
    if (answer.validator !== null) await deps.urls.remember(url, answer.sha256, answer.validator);
    return { content: answer.sha256, ...artifact.meta };
  }

  async function sourceKey(content: string, recipe = PROBE_RECIPE): Promise<string> {
    return artifactKey('source', [content, recipe, await ffmpeg.version()]);
  }

  async function bytesOf(
    task: Task,
    number: number,
    fetched: Fetched,
    signal: AbortSignal,
  ): Promise<Artifact<SourceMeta>> {
    for (const recipe of [PROBE_RECIPE, OLDER_RECIPE]) {
      const kept = await artifacts.open<SourceMeta>(await sourceKey(fetched.content, recipe), signal);
      if (kept !== undefined) return kept;
    }
    const again = await downloadFor(task, firstOf(task, number), signal);
    const artifact =
      again.content === fetched.content
        ? await artifacts.open<SourceMeta>(await sourceKey(again.content), signal)
        : undefined;
    if (artifact !== undefined) return artifact;
    throw new PermanentError(
      'source_changed',
      'download',
      'Expected the bytes that this task began with, got others. Post again to use the new version.',
    );
  }
}

function addressOf(task: Task, number: number): SourceAddress {
  const source = task.plan.sources[number];
  if (source === undefined || source.kind === 'line') throw new Error(`Source ${number} has no URL`);
  return source;
}

/** A URL that is clip and track is still one download: the first source that names it stands for all. */
function firstOf(task: Task, number: number): number {
  const { url } = addressOf(task, number);
  return task.plan.sources.findIndex((source) => source.kind !== 'line' && source.url === url);
}

export function pauseKey(task: Pick<Task, 'id'>, first: number): string {
  return `fetch-pause/${task.id}/${first}`;
}

function isOutOfReach(error: unknown): error is TransientError {
  return TransientError.is(error) && (error.code === 'network' || error.code === 'source_busy');
}
