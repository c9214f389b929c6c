/**
 * Downloads each URL once per task, for whichever stage needs the bytes first. The outcome is pinned, so that the whole
 * task uses one version of the bytes.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { justWoke } from '../base/awake.ts';
import type { TransientCode } from '../base/codes.ts';
import { PermanentError, TransientError } from '../base/errors.ts';
import { add } from '../base/telemetry/metrics.ts';
import { step } from '../base/telemetry/spans.ts';
import type { DownloadPlaces } from '../coordination/download-places.ts';
import { fetchKey, fetchPauseKey, fetchSlowKey } from '../coordination/lease-keys.ts';
import { once } from '../coordination/once.ts';
import { asWork } from '../coordination/problems.ts';
import { failureOf, refuseCrashLoop, retryTransient } from '../coordination/retry-policy.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { probe } from '../media/probe.ts';
import type { Failed, Fetched } from '../model/pins.ts';
import type { Source } from '../model/plan.ts';
import type { SourceLocation } from '../model/source-location.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { Downloads } from '../ports/downloads.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { Memo } from '../ports/memo.ts';
import type { PinStore } from '../ports/pins.ts';
import { countFound } from './artifact-counts.ts';
import { artifactKey } from './artifact-key.ts';
import { type Artifacts, workDir } from './artifacts.ts';
import { recallUrl, rememberUrl } from './known-url.ts';

export interface FetchingDeps {
  pins: PinStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  artifacts: Artifacts;
  downloads: Downloads;
  /** Bounds the downloads, so that one task or one host leaves places for others. */
  places: DownloadPlaces;
  memo: Memo;
  ffmpeg: Ffmpeg;
  /** Limits probing, and serves tasks in turn. */
  probing: (taskId: string) => Semaphore;
  tempDir: string;
  /** How long to wait for a place, or for another holder of the download, before the message is handed back. */
  waitMs: number;
}

export interface Fetching {
  /** Returns the task's pin for that source, and downloads it first if there is none. Throws TransientError. */
  fetchOnce(task: Task, number: number, signal: AbortSignal): Promise<Fetched | Failed>;
  /**
   * Returns the pinned bytes, and downloads them again if they were evicted. Throws PermanentError 'source_changed' if
   * the URL now returns other bytes, and TransientError.
   */
  bytesOf(task: Task, number: number, fetched: Fetched, signal: AbortSignal): Promise<Artifact<SourceMeta>>;
}

export type SourceMeta = Pick<Fetched, 'bytes' | 'probe'>;

/** Open, so that it cannot be evicted before it is used. */
type Downloaded = Artifact<SourceMeta> & Pick<Fetched, 'content'>;

/** Increase it with every change to what probing finds out, so that older results are not reused. */
const PROBE_RECIPE = '8';
/** Rounds of retries, each of up to RETRY_MS and a pause: about four minutes for a server that is down. */
export const MAX_ROUNDS = 6;
/** Of these, rounds in which it sent next to nothing: each holds a place for as long as its download may take. */
export const SLOW_ROUNDS = 3;
const LEAST_PAUSE_MS = 2_000;
/** How often waiting messages check whether the pause is over. */
const CHECK_PAUSE_MS = 5_000;

/** Name of the file within the artifact of a source. */
export const BYTES = 'bytes';

export function createFetching(deps: FetchingDeps): Fetching {
  const { pins, leases, attempts, artifacts, ffmpeg } = deps;

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
      attempts,
      key: fetchKey(task.id, first),
      signal,
      patienceMs: deps.waitMs,
      find,
      create: (before, held) =>
        asWork({ topic: 'fetch', source: first }, async () => {
          try {
            refuseCrashLoop(before, 'download');
            using downloaded = await downloadFor(task, first, held);
            return await pins.write(task.id, name, { content: downloaded.content, ...downloaded.meta });
          } catch (error) {
            return pins.write(task.id, name, { error: failureOf(error, before, 'download', held) });
          }
        }),
    });
  }

  /** Gives an unreachable server time to recover, and gives up on it after MAX_ROUNDS, or SLOW_ROUNDS. */
  async function downloadFor(task: Task, first: number, signal: AbortSignal): Promise<Downloaded> {
    await refusePause(task, first);
    try {
      return await download(task, first, signal);
    } catch (error) {
      if (!isOutOfReach(error) || signal.aborted) throw error;
      // While the network comes back after a sleep, only what the server itself says counts.
      if (error.code !== 'source_busy' && justWoke()) throw error;
      const pauseMs = Math.max(error.retryAfterMs ?? 0, LEAST_PAUSE_MS);
      const isSlow = error.code === 'source_slow';
      // Counted apart: a network that failed twice is no sign of a server that holds places.
      const slow = isSlow ? await attempts.rest(fetchSlowKey(task.id, first), pauseMs) : undefined;
      const round = await attempts.rest(fetchPauseKey(task.id, first), pauseMs);
      if (round === undefined || (round < MAX_ROUNDS && (slow ?? 0) < SLOW_ROUNDS)) throw error;
      const message = `${error.message} It was tried in ${round} rounds.`;
      // The same end each time: it is the file on the server that is cut short, or what its server says of it.
      const code = error.code === 'source_cut' ? 'media_truncated' : 'source_unreachable';
      throw new PermanentError(code, 'download', message, { cause: error });
    }
  }

  /** During the pause all messages of the task wait, because each prepare may need the first clip, for the profile. */
  async function refusePause(task: Task, first: number): Promise<void> {
    const [paused] = await attempts.resting([fetchPauseKey(task.id, first)]);
    if (!paused) return;
    throw new TransientError('waiting', 'The server of a source has time to recover before the next try.', {
      retryAfterMs: CHECK_PAUSE_MS,
    });
  }

  async function download(task: Task, number: number, signal: AbortSignal): Promise<Downloaded> {
    const { id: taskId } = task;
    const { url, location, kind } = addressOf(task, number);
    await using dir = await workDir(deps.tempDir);
    const file = join(dir.path, BYTES);
    const known = await recallUrl(deps.memo, url);
    using open = new DisposableStack();
    // A conditional request is only useful if the bytes are still stored.
    const kept = open.use(
      known && (await artifacts.look<SourceMeta>(await sourceKey(known.content), signal)),
    );
    const options = { validator: kept && known?.validator, signal };
    const get = () =>
      step('download', kind, async (span) => {
        span.setAttribute('every_cut.source', number);
        const got = await deps.downloads.get(location, file, options);
        if (got.modified) {
          span.setAttribute('every_cut.bytes', got.bytes);
          add('every_cut.download.size', got.bytes);
        }
        return got;
      });
    // Between two tries, no place is held.
    const answer = await retryTransient(
      () => deps.places({ taskId, host: hostOf(location) }, get, { signal, patienceMs: deps.waitMs }),
      { signal, stage: 'download' },
    );
    if (!answer.modified) {
      if (kept === undefined || known === undefined) {
        throw new PermanentError(
          'source_refused',
          'download',
          'Expected the file, got the answer "not modified" to an unconditional request. Check the server.',
        );
      }
      open.move();
      countFound([kept]);
      return { ...kept, content: known.content };
    }
    using making = new DisposableStack();
    const artifact = making.use(
      await artifacts.getOrCreate<SourceMeta>(
        await sourceKey(answer.sha256),
        async (into, held) => {
          const probed = await step('probe', kind, () => probe(ffmpeg, file, { signal: held }));
          await rename(file, join(into, BYTES));
          return { bytes: answer.bytes, probe: probed };
        },
        { signal, semaphore: deps.probing(taskId) },
      ),
    );
    const { validator } = answer;
    if (validator !== null) await rememberUrl(deps.memo, url, { content: answer.sha256, validator });
    making.move();
    return { ...artifact, content: answer.sha256 };
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
    const kept = await artifacts.open<SourceMeta>(await sourceKey(fetched.content), signal);
    if (kept !== undefined) return kept;
    const again = await downloadFor(task, firstOf(task, number), signal);
    if (again.content === fetched.content) return again;
    again[Symbol.dispose]();
    throw new PermanentError(
      'source_changed',
      'download',
      'Expected the bytes that this task began with, got others. Post the task again to use the new version.',
    );
  }
}

function addressOf(task: Task, number: number): Exclude<Source, { kind: 'line' }> {
  const source = task.plan.sources[number];
  if (source === undefined || source.kind === 'line') throw new Error(`Source ${number} has no URL`);
  return source;
}

/** Who is asked for the bytes. A host of many names counts as many; the places of a task bound these. */
function hostOf(location: SourceLocation): string {
  if (location.kind === 'web') return new URL(location.url).host;
  return location.kind === 'storage' ? `gs://${location.bucket}` : location.kind;
}

/** A URL that is both clip and track is downloaded once, under the number of the first source that names it. */
function firstOf(task: Task, number: number): number {
  const { url } = addressOf(task, number);
  return task.plan.sources.findIndex((source) => source.kind !== 'line' && source.url === url);
}

const OUT_OF_REACH: readonly TransientCode[] = ['network', 'source_busy', 'source_cut', 'source_slow'];

function isOutOfReach(error: unknown): error is TransientError {
  return TransientError.is(error) && OUT_OF_REACH.includes(error.code);
}
