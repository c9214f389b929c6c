/**
 * What one more combination costs, from the acceptance of the request to the last report, against the bare ffmpeg
 * command of the same mix: same binary, same number at a time, artifacts warm. Interleaved pairs in one run, so that
 * the ratio holds when the machine's speed drifts.
 *
 * `npm run bench` makes its own clips; `npm run bench -- FOLDER` takes the .mp4 and .mp3 files of a folder.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pLimit from 'p-limit';
import { createDiskArtifacts } from '../../functions/adapters/disk-artifacts.ts';
import { openDatabase } from '../../functions/adapters/sqlite.ts';
import { createSqlitePins } from '../../functions/adapters/sqlite-pins.ts';
import { createSqliteTasks } from '../../functions/adapters/sqlite-tasks.ts';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import { concatList, MIX_LIST, mixArguments } from '../../functions/media/mix.ts';
import type { Prepared, Profile, Task } from '../../functions/ports.ts';
import { SOUND, VIDEO } from '../../functions/sources.ts';
import { serveFiles } from '../../infra/file-server.ts';
import { makeSampleClips } from '../../infra/sample-clips.ts';
import { startTestHost } from '../fixtures/host.ts';

const PAIRS = 3;
/** 3 x 3 x 2: six clips, two of them used again as the last block. */
const COMBINATIONS = 18;
const CLIPS = 6;
const CORES = availableParallelism();

const execute = promisify(execFile);
await using cleanup = new AsyncDisposableStack();
const dir = await mkdtemp(join(tmpdir(), 'bench-'));
cleanup.defer(() => rm(dir, { recursive: true, force: true }));
const ffmpeg = findFfmpeg({ searchPath: process.env['PATH'] ?? '' }).path;
const { clips, tracks } = await mediaOf(process.argv[2]);
const server = cleanup.use(await serveFiles([...clips, ...tracks]));
const host = cleanup.use(await startTestHost(dir));
const urls = clips.map((file) => server.url(file));
const request = {
  task_name: 'bench',
  video_blocks: { a: urls.slice(0, 3), b: urls.slice(3, 6), c: urls.slice(0, 2) },
  audio_blocks: { music: tracks.map((file) => server.url(file)) },
  text_to_speech: [
    { text: 'Spring is here, and so is the sale.', voice: 'Sarah' },
    { text: 'Only this week: everything must go.', voice: 'George' },
  ],
  seed: 1,
};

const { id, status, renders } = await host.run(request);
if (status['succeeded'] !== COMBINATIONS)
  throw new Error(`Expected 18 videos, got ${JSON.stringify(status)}`);
const video = renders.reduce((sum, render) => sum + (render.duration_seconds ?? 0), 0) / COMBINATIONS;
const commands = await bareCommands(id);

const pairs: { ours: number; bare: number }[] = [];
for (let pair = 0; pair < PAIRS; pair++) pairs.push({ ours: await timeTask(), bare: await timeBare() });
process.stdout.write(
  `${COMBINATIONS} combinations of ${CLIPS} clips, ${video.toFixed(1)} s of video each, ${CORES} at a time on ${CORES} cores\n`,
);
console.table(
  pairs.map(({ ours, bare }) => ({
    's per combination, request to last report': ours.toFixed(3),
    's per combination, bare ffmpeg': bare.toFixed(3),
    ratio: (ours / bare).toFixed(2),
  })),
);
const ratios = pairs.map(({ ours, bare }) => ours / bare).toSorted((one, other) => one - other);
process.stdout.write(`Median ratio: ${ratios[Math.floor(PAIRS / 2)]?.toFixed(2)}\n`);

async function timeTask(): Promise<number> {
  const before = host.logged('render.finished').length;
  const started = performance.now();
  await host.post(request);
  while (host.logged('render.finished').length < before + COMBINATIONS) await sleep(2);
  const seconds = (performance.now() - started) / 1000 / COMBINATIONS;
  // The manifest is not part of a combination; the next pair must not run beside it.
  await sleep(500);
  return seconds;
}

async function timeBare(): Promise<number> {
  const atATime = pLimit(CORES);
  const started = performance.now();
  await Promise.all(
    commands.map((args) => atATime(() => execute(ffmpeg, ['-nostdin', '-hide_banner', ...args]))),
  );
  return (performance.now() - started) / 1000 / COMBINATIONS;
}

/** The very argument lists of the task's own mixes, writing elsewhere. */
async function bareCommands(taskId: string): Promise<string[][]> {
  using database = openDatabase(join(host.dataDir, 'every-cut.sqlite'));
  const task = (await createSqliteTasks({ database }).get(taskId)) as Task;
  const pins = createSqlitePins({ database });
  const artifacts = createDiskArtifacts({
    dir: join(host.dataDir, 'artifacts'),
    maxBytes: Number.MAX_SAFE_INTEGER,
  });
  const [profile] = await pins.read(taskId, ['profile']);
  const open = async (number: number) => {
    const [pin] = await pins.read(taskId, [`prepared-${number}` as const]);
    const prepared = pin as Prepared;
    const kept = await artifacts.open(prepared.artifact);
    if (kept === undefined) throw new Error(`Expected artifact ${prepared.artifact}, got none`);
    return { ...prepared, file: (name: string) => kept.path(name) };
  };
  const clip = async (number: number) => {
    const { frames, file } = await open(number);
    return { video: file(VIDEO), sound: file(SOUND), frames };
  };
  const sound = async (number: number) => {
    const { samples, loudness, file } = await open(number);
    return { file: file(SOUND), samples, loudness };
  };
  return await Promise.all(
    task.plan.combinations.map(async (combination) => {
      const work = join(dir, `bare-${combination.index}`);
      await mkdir(work);
      const input = {
        clips: await Promise.all(combination.clips.map(clip)),
        rate: (profile as Profile).rate,
        music: await sound(combination.track as number),
        voice: await sound(combination.line as number),
        ...task.plan.sound,
        out: join(work, 'video.mp4'),
        dir: work,
      };
      await writeFile(join(work, MIX_LIST), concatList(input.clips.map((clip) => clip.video)));
      return mixArguments(input);
    }),
  );
}

async function mediaOf(folder: string | undefined): Promise<{ clips: string[]; tracks: string[] }> {
  if (folder === undefined) {
    const made = join(dir, 'samples');
    await mkdir(made);
    const { hooks, bodies, ctas, tracks } = await makeSampleClips({ ffmpeg, dir: made });
    return { clips: [...hooks, ...bodies, ...ctas], tracks };
  }
  const files = (await readdir(folder)).toSorted().map((name) => resolve(folder, name));
  const clips = files.filter((file) => file.endsWith('.mp4')).slice(0, CLIPS);
  const tracks = files.filter((file) => file.endsWith('.mp3'));
  if (clips.length < CLIPS || tracks.length === 0) {
    throw new Error(
      `Expected ${CLIPS} .mp4 and an .mp3 in ${folder}, got ${clips.length} and ${tracks.length}`,
    );
  }
  return { clips, tracks };
}
