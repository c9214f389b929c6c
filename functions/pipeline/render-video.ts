import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import { step } from '../base/telemetry/spans.ts';
import { workingTime } from '../base/working-time.ts';
import { attemptOf, failureOf, refuseCrashLoop, retryTransient } from '../coordination/retry-policy.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import { joinClips, secondsOf, totalOf } from '../media/join-clips.ts';
import type { Picture } from '../media/mp4/tracks.ts';
import { formatProfiles } from '../media/profile.ts';
import type { Attempts } from '../model/attempts.ts';
import { fileName, languageOf } from '../model/names.ts';
import { type Failed, inFormat, type Prepared, type Profile } from '../model/pins.ts';
import { type Combination, ownVolumeOf, type Source, trackVolumeOf } from '../model/plan.ts';
import type { Report } from '../model/report.ts';
import type { Task } from '../model/task.ts';
import type { OutputStore } from '../ports/outputs.ts';
import type { ReportStore } from '../ports/reports.ts';
import { workDir } from './artifacts.ts';
import { captionsOf, subtitlesOf, wordsFor, writeCaptions } from './captions.ts';
import {
  checkArtifact,
  checkedProfile,
  checkFacts,
  forged,
  type PreparedArtifact,
  usablePin,
} from './check-prepared.ts';
import { targetReports } from './check-targets.ts';
import type { Missing, Remake } from './remake.ts';
import { failedReport, ownerOf } from './reporting.ts';
import { saveSideFiles } from './side-files.ts';
import type { Soundtracks } from './soundtracks.ts';
import type { SpeakingSignals } from './speak-line.ts';
import type { SpokenWords } from './spoken-words.ts';
import { StageWatch } from './stage-watch.ts';
import { captionedClips, coversOf, openPieces, type VideoPiecesDeps } from './video-pieces.ts';
import { clipWarnings, trackWarnings, voiceWarnings } from './video-warnings.ts';

export interface MakeVideoDeps extends VideoPiecesDeps {
  remake: Remake;
  outputs: OutputStore;
  reports: ReportStore;
  soundtracks: Soundtracks;
  spokenWords: SpokenWords;
  log: Log;
  tempDir: string;
  /** Limits saving, and serves tasks in turn. */
  saving: (taskId: string) => Semaphore;
}

export interface Signals {
  /** Fires when the host stops. */
  signal: AbortSignal;
  /** Fires when the task is cancelled: stop what can be made again, but let a save finish; its video then counts. */
  cancelled: AbortSignal;
}

export interface MakeVideoSignals extends Signals {
  /** Called once the video is mixed, so that another one can start while this one is saved. */
  releaseMixing: () => void;
}

/** Makes the video and saves it. Returns the report, also for a permanent failure; throws all other errors. */
export async function makeVideo(...making: Parameters<typeof madeOrFailed>): Promise<Report> {
  const { value: report, seconds: workSeconds } = await workingTime(() => madeOrFailed(...making));
  return { ...report, workSeconds };
}

async function madeOrFailed(
  task: Task,
  combination: Combination,
  before: Attempts,
  signals: MakeVideoSignals,
  deps: MakeVideoDeps,
): Promise<Report> {
  const either = AbortSignal.any([signals.signal, signals.cancelled]);
  const watch = new StageWatch();
  deps.log.info(`Combination ${combination.index} is being mixed`, {
    event: 'render.started',
    task_id: task.id,
    task_name: task.name,
    index: combination.index,
    attempt: attemptOf(before),
  });
  try {
    refuseCrashLoop(before, 'mix');
    return await make(task, combination, before, watch, signals, deps);
  } catch (error) {
    const failure = failureOf(error, before, watch.stage, either);
    return failedReport(task, combination, failure, { attempts: attemptOf(before), ...watch.seconds() });
  }
}

async function make(
  task: Task,
  combination: Combination,
  before: Attempts,
  watch: StageWatch,
  { signal, cancelled, releaseMixing }: MakeVideoSignals,
  deps: MakeVideoDeps,
): Promise<Report> {
  const either = AbortSignal.any([signal, cancelled]);
  const name = fileName(task, combination);
  using inputs = new DisposableStack();
  const signals = { signal: either, stop: signal };
  const [pinned] = await deps.pins.read(task.id, ['profile']);
  const { format = 0 } = combination;
  const first = checkedProfile(pinned, task.plan.output);
  const profile = first && formatProfiles(first, task.plan)[format];
  const readPin = async (number: number) => {
    const [pin] = await deps.pins.read(task.id, [`prepared-${number}` as const]);
    return usablePin(task, number, pin as Prepared | Failed);
  };
  const pinOf = async (number: number) => inFormat(await readPin(number), format);
  const open = async (number: number, { artifact: key }: Prepared) => {
    const artifact = inputs.use(await openPrepared(task, { number, format, key }, signals, deps));
    return { artifact, picture: await checkArtifact(artifact, kindOf(task, number), profile) };
  };
  // Most videos find their soundtrack: the files of its parts are opened only to mix it.
  const sound = async (number: number | null) => {
    if (number === null || trackVolumeOf(task.plan, number) === 0) return undefined;
    const pin = await pinOf(number);
    checkFacts(pin, kindOf(task, number));
    return { pin, key: pin.artifact, open: async () => (await open(number, pin)).artifact };
  };
  const pieces = await openPieces(task, combination, signals, inputs, deps);
  const captioned = captionedClips(pieces);
  let at = 0;
  const clipKeys: string[] = [];
  const opened = await inOrder(combination.clips, async (number) => {
    const inFirst = await readPin(number);
    const pin = inFormat(inFirst, format);
    const piece = captioned.get(at);
    clipKeys.push(piece?.key ?? inFirst.artifact);
    at += pin.frames;
    if (piece === undefined) return open(number, pin);
    const { artifact } = piece;
    const picture = await checkArtifact(artifact, 'clip', profile);
    if (artifact.meta.frames !== pin.frames)
      throw forged('clip', `${pin.frames} frames`, `${artifact.meta.frames} with captions`);
    return { artifact, picture };
  });
  const clips = opened.map(({ artifact }) => artifact);
  const [music, voice] = [await sound(combination.track), await sound(combination.line)];

  await using dir = await workDir(deps.tempDir);
  const out = join(dir.path, 'video.mp4');
  const { rate } = profile as Profile;
  const lengths = clips.map(({ meta }) => meta);
  const seconds = secondsOf(lengths, rate);
  const choices = task.plan.sound;
  const soundtrack = inputs.use(
    await deps.soundtracks.open({
      ...{ total: totalOf(lengths, rate), clips, music, voice, choices },
      ownVolumes: combination.clips.map((number) => ownVolumeOf(task.plan, number)),
      ...(music && { musicVolume: trackVolumeOf(task.plan, combination.track) }),
      ...(task.plan.formats && { clipKeys }),
      ...{ dir: dir.path, signal: either },
    }),
  );
  const language = languageOf(task.plan, combination);
  const words = await wordsFor(task, combination, voice, deps.spokenWords);
  const captions = captionsOf(task.plan, words, seconds);
  const facts = await step('join', 'video', () =>
    joinClips({
      clips: opened.map(({ picture }) => picture as Picture),
      ...{ rate, soundtrack, out, signal: either },
      editLists: task.plan.output.editLists ?? false,
      ...subtitlesOf(task.plan, captions, language),
    }),
  );
  const beside = [...(await writeCaptions(task.plan, captions, dir.path)), ...(await coversOf(pieces))];
  watch.next('save');
  const owner = ownerOf(task, combination, deps.reports);
  const save = () => deps.outputs.save(task.folder, name, out, signal, owner);
  const { files, ...saved } = await deps.saving(task.id)(async () => {
    // Not earlier: mixed videos must not pile up while they wait to be saved.
    releaseMixing();
    // From here on a cancel is ignored: only the stop of the host ends the save.
    either.throwIfAborted();
    const place = { task, video: name, language, owner, dir: dir.path, signal };
    const files = await saveSideFiles(beside, place, deps);
    return { ...(await retryTransient(save, { signal, stage: 'save' })), files };
  });
  return {
    index: combination.index,
    status: 'succeeded',
    fileName: name,
    url: saved.url,
    bytes: saved.bytes,
    durationSeconds: Math.round(seconds * 1000) / 1000,
    loudnessLufs: soundtrack.loudness,
    truePeakDbtp: soundtrack.truePeak,
    attempts: attemptOf(before),
    warnings: [
      ...clipWarnings(
        task,
        combination,
        clips.map(({ meta }) => meta),
      ),
      ...trackWarnings(task, combination, music?.pin, seconds),
      ...voiceWarnings(choices, voice?.pin, seconds),
      ...captions.warnings,
      ...soundtrack.warnings,
    ],
    ...(files.length > 0 && { files }),
    ...targetReports(task, facts, soundtrack),
    error: null,
    ...watch.seconds(),
  };
}

/** Opens the pinned artifact, and has it made again if it was evicted or is damaged. */
async function openPrepared(
  task: Task,
  wanted: Missing,
  signals: SpeakingSignals,
  { artifacts, remake }: MakeVideoDeps,
): Promise<PreparedArtifact> {
  const artifact = await artifacts.open<PreparedArtifact['meta']>(wanted.key, signals.signal);
  return artifact ?? remake(task, wanted, signals);
}

function kindOf({ plan }: Task, number: number): Source['kind'] {
  return (plan.sources[number] as Source).kind;
}

async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
