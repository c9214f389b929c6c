import { join } from 'node:path';
import { type Artifacts, workDir } from './artifacts.ts';
import { attemptOf, failureOf, refuseCrashLoop, retryTransient } from './attempts.ts';
import { type Stage, TransientError } from './errors.ts';
import { noteLapsed, once } from './lease.ts';
import { prepareKey, renderKey } from './lease-keys.ts';
import type { Ffmpeg } from './media/ffmpeg.ts';
import { type MixSound, mixCombination } from './media/mix.ts';
import type {
  Artifact,
  Delivery,
  Failed,
  Lease,
  LeaseStore,
  MessageOf,
  OutputStore,
  PinStore,
  Prepared,
  Profile,
  Report,
  Task,
  TaskStore,
} from './ports.ts';
import { checkCompletion, failedReport, type ReportingDeps, reportAndCheck } from './reporting.ts';
import type { Slots } from './slots.ts';
import { SOUND, type Sources, VIDEO } from './sources.ts';
import { fileName } from './task/names.ts';
import { type Combination, sourcesOf } from './task/plan.ts';

export interface RenderDeps extends ReportingDeps {
  tasks: TaskStore;
  pins: PinStore;
  leases: LeaseStore;
  artifacts: Artifacts;
  sources: Sources;
  outputs: OutputStore;
  ffmpeg: Ffmpeg;
  /** Room for mixing, the tasks in turn; waiting for sources takes none of it. */
  mixing: (taskId: string) => Slots;
  tempDir: string;
  /** How long to wait for sources or for another holder before the message is handed back. */
  patienceMs: number;
}

/** A prepare that nobody was at for so long is published again: its message may be lost. */
const REPUBLISH_AFTER_MS = 600_000;
/** A mix costs a fraction of a second; one that takes this long hangs. */
const MIX_TIMEOUT_MS = 300_000;

/** Makes one combination and reports it. Whatever happened before, it is reported once. */
export async function render(
  { taskId, index }: MessageOf<'render'>,
  { signal }: Delivery,
  deps: RenderDeps,
): Promise<void> {
  const task = await deps.tasks.get(taskId);
  const combination = task?.plan.combinations.find((candidate) => candidate.index === index);
  if (task === undefined || combination === undefined) return;
  if ((await reported(task, index, deps)) !== undefined) return checkCompletion(taskId, deps, index);

  const pins = await pinsOf(task, combination, signal, deps);
  const broken = pins.find((pin) => pin.error !== undefined);
  if (broken?.error !== undefined) {
    return reportAndCheck(task, failedReport(task, combination, broken.error), deps);
  }
  await once<Report>({
    leases: deps.leases,
    key: renderKey(taskId, index),
    signal,
    slots: deps.mixing(taskId),
    patienceMs: deps.patienceMs,
    look: () => reported(task, index, deps),
    async make(lease, held) {
      const report = await attempt(task, combination, lease, held, deps);
      await reportAndCheck(task, report, deps);
      return report;
    },
  });
  // Whoever made the report may have died before this check.
  await checkCompletion(taskId, deps, index);
}

async function reported(task: Task, index: number, deps: RenderDeps): Promise<Report | undefined> {
  return (await deps.reports.list(task.id, index, index))[0];
}

/** Waits for the sources; where one is late and nobody is at it, its prepare is published again. */
async function pinsOf(
  task: Task,
  combination: Combination,
  signal: AbortSignal,
  deps: RenderDeps,
): Promise<(Prepared | Failed)[]> {
  const numbers = sourcesOf(combination);
  const names = numbers.map((number) => `prepared-${number}` as const);
  const found = await deps.pins.wait(task.id, names, { timeoutMs: deps.patienceMs, signal });
  const pins = found.filter((pin) => pin !== undefined);
  if (pins.length === names.length || pins.some((pin) => pin.error !== undefined)) return pins;

  const missing = numbers.filter((_, at) => found[at] === undefined);
  const leases = await deps.leases.read(missing.map((number) => prepareKey(task.id, number)));
  const abandoned = missing.filter((_, at) => leases[at]?.held !== true);
  for (const source of abandoned) {
    // Most are only late; one that nobody was at for so long has lost its message.
    if (await noteLapsed(deps.leases, `republish/${task.id}/${source}`, REPUBLISH_AFTER_MS)) {
      await deps.queue.publish([{ topic: 'prepare', taskId: task.id, source }]);
    }
  }
  throw new TransientError(
    'waiting',
    `Combination ${combination.index} waits for ${missing.length} sources.`,
  );
}

async function attempt(
  task: Task,
  combination: Combination,
  lease: Lease,
  signal: AbortSignal,
  deps: RenderDeps,
): Promise<Report> {
  const watch = new StageWatch();
  deps.log.info(`Combination ${combination.index} is being mixed`, {
    event: 'render.started',
    task_id: task.id,
    task_name: task.name,
    index: combination.index,
    attempt: attemptOf(lease),
  });
  try {
    refuseCrashLoop(lease, 'mix');
    return await make(task, combination, lease, watch, signal, deps);
  } catch (error) {
    const failure = failureOf(error, lease, watch.stage, signal);
    return failedReport(task, combination, failure, { attempts: attemptOf(lease), ...watch.seconds() });
  }
}

async function make(
  task: Task,
  combination: Combination,
  lease: Lease,
  watch: StageWatch,
  signal: AbortSignal,
  deps: RenderDeps,
): Promise<Report> {
  const name = fileName(task.id, task.plan, combination);
  using inputs = new DisposableStack();
  const open = async (number: number) => inputs.use(await openPrepared(task, number, signal, deps));
  const [profile] = await deps.pins.read(task.id, ['profile']);
  const clips = await inOrder(combination.clips, open);
  const music = combination.track === null ? undefined : await open(combination.track);
  const voice = combination.line === null ? undefined : await open(combination.line);

  await using dir = await workDir(deps.tempDir);
  const out = join(dir.path, 'video.mp4');
  const { originalVolume, duck } = task.plan.sound;
  const mixed = await mixCombination(deps.ffmpeg, {
    clips: clips.map(({ path, meta }) => ({ video: path(VIDEO), sound: path(SOUND), frames: meta.frames })),
    rate: (profile as Profile).rate,
    ...(music === undefined ? {} : { music: soundOf(music) }),
    ...(voice === undefined ? {} : { voice: soundOf(voice) }),
    originalVolume,
    duck,
    out,
    dir: dir.path,
    timeoutMs: MIX_TIMEOUT_MS,
    signal,
  });
  watch.next('save');
  const saved = await retryTransient(() => deps.outputs.save(task.folder, name, out, signal), { signal });
  // A holder that lost its lease must not report what another is making now.
  signal.throwIfAborted();
  return {
    index: combination.index,
    status: 'succeeded',
    fileName: name,
    url: saved.url,
    bytes: saved.bytes,
    durationSeconds: Math.round(mixed.seconds * 1000) / 1000,
    attempts: attemptOf(lease),
    warnings: mixed.warnings,
    error: null,
    ...watch.seconds(),
  };
}

type PreparedArtifact = Artifact<Pick<Prepared, 'frames' | 'samples' | 'loudness'>>;

/** The pinned artifact; made again where it was evicted or found damaged. */
async function openPrepared(
  task: Task,
  number: number,
  signal: AbortSignal,
  { pins, artifacts, sources }: RenderDeps,
): Promise<PreparedArtifact> {
  const [pin] = await pins.read(task.id, [`prepared-${number}` as const]);
  let { artifact: key } = pin as Prepared;
  for (;;) {
    const artifact = await artifacts.open<PreparedArtifact['meta']>(key);
    if (artifact !== undefined) return artifact;
    // Another ffmpeg build, put in since, makes it under another key.
    key = (await sources.ready(task, number, signal)).artifact;
  }
}

function soundOf({ path, meta }: PreparedArtifact): MixSound {
  return { file: path(SOUND), samples: meta.samples, loudness: meta.loudness };
}

async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Which stage is under way and how long each took. */
class StageWatch {
  stage: Stage = 'mix';
  readonly #stages: Partial<Record<Stage, number>> = {};
  readonly #started = performance.now();
  #since = this.#started;

  next(stage: Stage): void {
    this.#note();
    this.stage = stage;
  }

  seconds(): Pick<Report, 'renderSeconds' | 'stageSeconds'> {
    this.#note();
    return { renderSeconds: rounded(this.#since - this.#started), stageSeconds: this.#stages };
  }

  #note(): void {
    const now = performance.now();
    this.#stages[this.stage] = rounded(now - this.#since);
    this.#since = now;
  }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}
