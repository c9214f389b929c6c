/**
 * `npm run bench`: measures time and memory of the service and of the same work without it, in one run, so that the
 * ratios are comparable between machines. Prints the table to stdout and its progress to stderr.
 *
 * `npm run bench` makes its own clips; `npm run bench -- FOLDER` takes the .mp4 and .mp3 files of a folder.
 * `npm run bench -- --cloud` runs only the part that needs the emulators, which otherwise runs last if they are there.
 * `npm run bench -- encoder` compares encoder settings (see encoder.ts), `npm run bench -- linear` times what reads text of
 * strangers (see linear.ts), and `npm run bench -- pushes` how long requests are open on the emulators (see pushes.ts). None of
 * them is part of the other runs.
 * `npm run bench -- hostile` attacks the service (see hostile.ts), and is not part of the other runs either.
 */
import { mkdir } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import { framesPerSecond } from '../../functions/model/frame-rate.ts';
import { serveFiles } from '../../infra/media/file-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { cloudTables } from './cloud.ts';
import { encoderTables } from './encoder.ts';
import { versionOf } from './ffmpeg-run.ts';
import { timeFilterGraphs } from './filter-graph.ts';
import { type FinishedTask, readFinishedTask } from './finished-task.ts';
import { timeFloor } from './floor.ts';
import { type HostFolders, startHostProcess } from './host-process.ts';
import { hostileTable } from './hostile.ts';
import { linearTable } from './linear.ts';
import { makeMedia, mediaOf } from './media.ts';
import { canMeasureMemory, residentNow } from './memory.ts';
import { pushTables } from './pushes.ts';
import { benchRequest } from './request.ts';
import { timeAnswers, timeTask, watchingMemory } from './rounds.ts';
import { type Figures, tableOf } from './table.ts';

const PAIRS = 3;
/** A filter graph takes about ten seconds. */
const MOST_GRAPHS = 4;
const GRAPH_BYTES = 1024 ** 3;
/** Tasks that memory is measured over, after one to warm up. Node's memory settles from the second on. */
const WATCHED_TASKS = 3;
const ANSWERS = 3;
const CORES = availableParallelism();

if (process.argv[2] === '--cloud') {
  const tables = await cloudTables(progress);
  process.stdout.write(`${tables}\n`, () => process.exit());
  await new Promise(() => {});
}

if (process.argv[2] === 'encoder') {
  const { path } = findFfmpeg({ searchPath: process.env['PATH'] ?? '' });
  for await (const table of encoderTables(path, process.argv.slice(3), progress)) process.stdout.write(table);
  process.exit();
}

if (process.argv[2] === 'linear') {
  for await (const line of linearTable()) process.stdout.write(line);
  process.exit();
}

if (process.argv[2] === 'hostile') {
  const { path } = findFfmpeg({ searchPath: process.env['PATH'] ?? '' });
  const table = await hostileTable(path, process.argv.slice(3), progress);
  process.stdout.write(`${table}\n`, () => process.exit());
  await new Promise(() => {});
}

if (process.argv[2] === 'pushes') {
  process.stdout.write(`${await pushTables(progress)}\n`, () => process.exit());
  await new Promise(() => {});
}

const load = loadavg()[0] ?? 0;
const ffmpeg = findFfmpeg({ searchPath: process.env['PATH'] ?? '' }).path;
await using dir = await tempDir();
const folderOf = async (name: string) => {
  const path = join(dir.path, name);
  await mkdir(path);
  return path;
};

progress('Clips and music');
const media = await (process.argv[2] === undefined
  ? makeMedia(ffmpeg, await folderOf('media'))
  : mediaOf(process.argv[2]));
const files = [...media.clips, ...media.tracks];
await using server = await serveFiles(files);
const request = benchRequest(media, server);
const folders = { dataDir: await folderOf('data'), outputDir: await folderOf('output') };

progress('27 videos from nothing prepared');
const { cold, coldMemory } = await coldPart(folders);
const finished = await readFinishedTask(folders.dataDir, cold.taskId, join(dir.path, 'floor'));
const warm = await warmPart(folders, finished);
const graph = await graphPart(finished);

process.stdout.write(
  `${CORES} cores of ${cpus()[0]?.model.trim()} (load ${load.toFixed(1)} before), ` +
    `${(totalmem() / 1024 ** 3).toFixed(0)} GB of memory, ${process.platform}, ` +
    `Node ${process.versions.node}, ffmpeg ${await versionOf(ffmpeg)}\n` +
    `${media.about}; videos of ${secondsOf(finished).toFixed(1)} s, ` +
    `${finished.profile.width}x${finished.profile.height}, music under a voice\n\n`,
);
process.stdout.write(
  `${tableOf({ clips: media.clips.length, clipSeconds: clipSeconds(finished), concurrency: CORES, cold, coldMemory, ...warm, graph })}\n`,
);
process.stdout.write(`\n${await cloudTables(progress)}\n`);

async function coldPart({ dataDir, outputDir }: HostFolders): Promise<Pick<Figures, 'cold' | 'coldMemory'>> {
  await using host = await startHostProcess({ dataDir, outputDir }, ffmpeg);
  const { result, memory } = await watchingMemory(host, () => timeTask(host, request));
  return { cold: result, coldMemory: memory };
}

/** Uses another host on the same folders, so that its memory is that of mixing alone. */
async function warmPart(
  { dataDir, outputDir }: HostFolders,
  { mixes }: FinishedTask,
): Promise<Pick<Figures, 'pairs' | 'warmMemory' | 'idle' | 'answers' | 'afterAnswers'>> {
  await using host = await startHostProcess({ dataDir, outputDir }, ffmpeg);
  const resident = () => (canMeasureMemory ? residentNow(host.pid) : undefined);
  const idle = resident();
  // Memory comes first, because the requests below are larger than any task mixed here, and never during timing.
  const { memory: warmMemory } = await watchingMemory(host, async () => {
    for (let task = 0; task <= WATCHED_TASKS; task++) {
      progress(`Memory, task ${task + 1} of ${WATCHED_TASKS + 1}`);
      await timeTask(host, request);
    }
  });
  const pairs: { ours: Figures['cold']; floor: number }[] = [];
  for (let pair = 1; pair <= PAIRS; pair++) {
    progress(`Pair ${pair} of ${PAIRS}`);
    pairs.push({ ours: await timeTask(host, request), floor: await timeFloor(ffmpeg, mixes, CORES) });
  }
  progress('Requests for 1,000 videos');
  const answers = await timeAnswers(host, request, ANSWERS);
  const afterAnswers = resident();
  return { pairs, warmMemory, idle, answers, afterAnswers };
}

async function graphPart({ mixes, profile }: FinishedTask): Promise<Figures['graph']> {
  const concurrency = Math.max(1, Math.min(CORES, MOST_GRAPHS, Math.floor(freemem() / GRAPH_BYTES)));
  // Spread over the task, so that each has other clips.
  const some = Array.from(
    { length: MOST_GRAPHS },
    (_, at) => mixes[Math.floor((at * (mixes.length - 1)) / (MOST_GRAPHS - 1))],
  ).filter((mix) => mix !== undefined);
  progress(`${some.length} filter graphs, ${concurrency} at a time`);
  const perVideo = await timeFilterGraphs({
    ffmpeg,
    mixes: some,
    profile,
    fileOf: (url) => {
      const name = decodeURIComponent(new URL(url).pathname.slice(1));
      return files.find((file) => basename(file) === name) ?? url;
    },
    concurrency,
    dir: await folderOf('graphs'),
  });
  return { perVideo, videos: some.length, concurrency };
}

/** Length of one video. */
function secondsOf({ mixes, profile }: FinishedTask): number {
  const frames = mixes.flatMap(({ input }) => input.clips).reduce((sum, clip) => sum + clip.frames, 0);
  return frames / framesPerSecond(profile.rate) / mixes.length;
}

function clipSeconds({ mixes, profile }: FinishedTask): number {
  const frames = new Map(mixes.flatMap(({ input }) => input.clips.map((clip) => [clip.video, clip.frames])));
  return [...frames.values()].reduce((sum, count) => sum + count, 0) / framesPerSecond(profile.rate);
}

function progress(what: string): void {
  process.stderr.write(`${process.uptime().toFixed(0).padStart(4)} s  ${what}\n`);
}
