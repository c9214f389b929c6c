/**
 * The table of `npm run bench`: time and memory of the service and of the same work without it, in one run, so that the ratios
 * are comparable between machines. `--only more,peers` measures only these parts besides the first task.
 */
import { mkdir } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { framesPerSecond } from '../../functions/model/frame-rate.ts';
import { type FileServer, serveFiles } from '../../infra/media/file-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { cloudTables } from './cloud.ts';
import { versionOf } from './ffmpeg-run.ts';
import { graphInputs, timeFilterGraphs } from './filter-graph.ts';
import { type FinishedTask, readFinishedTask } from './finished-task.ts';
import { timeFloor } from './floor.ts';
import { type HostFolders, startHostProcess } from './host-process.ts';
import { type BenchMedia, makeMedia, mediaOf } from './media.ts';
import { canMeasureMemory, residentNow } from './memory.ts';
import { PEER_TOOLS } from './peers.ts';
import { processorSeconds } from './process-tree.ts';
import { type BenchRequest, benchRequest, withLines } from './request.ts';
import { type Memory, timeAnswers, timeTask, watchingMemory } from './rounds.ts';
import { type Figures, markdown, tableOf } from './table.ts';
import { timeWays, wayRows } from './ways.ts';

const TURNS = 3;
/** A filter graph takes about ten seconds. */
const MOST_GRAPHS = 4;
const GRAPH_BYTES = 1024 ** 3;
/** A peer's command takes about half a minute. */
const PEER_VIDEOS = 2;
/** Tasks that memory is measured over, after one to warm up. Node's memory settles from the second on. */
const WATCHED_TASKS = 3;
const ANSWERS = 3;
const CORES = availableParallelism();

/** What is measured besides the first task, which the others need. */
export const PARTS = ['memory', 'more', 'answers', 'graph', 'peers', 'ways', 'cloud'] as const;
export type Part = (typeof PARTS)[number];

export interface ServiceOptions {
  ffmpeg: string;
  /** Folder of clips and music; undefined: they are made. */
  clips: string | undefined;
  parts: readonly Part[];
  /** An older checkout, for the part "ways". */
  before: string | undefined;
  progress: (what: string) => void;
}

export async function* serviceTables(options: ServiceOptions): AsyncGenerator<string> {
  const { ffmpeg, parts, progress } = options;
  const load = loadavg()[0] ?? 0;
  await using dir = await tempDir();
  progress('Clips and music');
  const media = await (options.clips === undefined
    ? makeMedia(ffmpeg, await folderIn(dir.path, 'media'))
    : mediaOf(options.clips));
  await using server = await serveFiles([...media.clips, ...media.tracks]);
  const bench: Bench = { ...options, media, dir: dir.path, request: encodedRequest(media, server) };
  const folders = {
    dataDir: await folderIn(dir.path, 'data'),
    outputDir: await folderIn(dir.path, 'output'),
  };

  progress('27 videos from nothing prepared');
  const first = await firstTask(bench, folders);
  const finished = await readFinishedTask(folders.dataDir, first.cold.taskId, join(dir.path, 'floor'));
  const warm = await warmPart(bench, folders, finished);
  const graph = parts.includes('graph') ? await graphPart(bench, finished) : undefined;
  const peers = parts.includes('peers') ? await peersPart(bench, finished) : [];

  yield `${CORES} cores of ${cpus()[0]?.model.trim()} (load ${load.toFixed(1)} before), ` +
    `${(totalmem() / 1024 ** 3).toFixed(0)} GB of memory, ${process.platform}, ` +
    `Node ${process.versions.node}, ffmpeg ${await versionOf(ffmpeg)}\n` +
    `${media.about}; videos of ${secondsOf(finished).toFixed(1)} s, ` +
    `${finished.profile.width}x${finished.profile.height}, music under a voice\n\n`;
  const lengths = { clips: media.clips.length, clipSeconds: clipSeconds(finished), concurrency: CORES };
  yield `${tableOf({ ...lengths, ...first, ...warm, graph, peers })}\n`;
  if (parts.includes('ways')) {
    const ways = await timeWays({ ...bench, dir: await folderIn(dir.path, 'ways') });
    yield `\n${markdown([['what', 'measured'], ...wayRows(ways)])}\n`;
  }
  if (parts.includes('cloud')) yield `\n${await cloudTables(progress)}\n`;
}

interface Bench extends ServiceOptions {
  media: BenchMedia;
  dir: string;
  request: BenchRequest;
}

/** Its clips are encoded even if they could be copied, as that is the way that all clips can go. */
function encodedRequest(media: BenchMedia, server: FileServer): BenchRequest {
  return { ...benchRequest(media, server), output: { reencode: true } };
}

async function firstTask(
  { ffmpeg, request }: Bench,
  folders: HostFolders,
): Promise<Pick<Figures, 'cold' | 'coldMemory'>> {
  await using host = await startHostProcess(folders, ffmpeg);
  const { result, memory } = await watchingMemory(host, () => timeTask(host, request, true));
  return { cold: result, coldMemory: memory };
}

/** Uses another host on the same folders, so that its memory is that of mixing alone. */
async function warmPart(
  { ffmpeg, request, parts, progress }: Bench,
  folders: HostFolders,
  { mixes }: FinishedTask,
): Promise<Pick<Figures, 'turns' | 'warmMemory' | 'idle' | 'answers' | 'afterAnswers'>> {
  await using host = await startHostProcess(folders, ffmpeg);
  const resident = () => (canMeasureMemory ? residentNow(host.pid) : undefined);
  const idle = resident();
  let warmMemory: Memory | undefined;
  // Memory comes first, because the requests below are larger than any task mixed here, and never during timing.
  if (parts.includes('memory')) {
    ({ memory: warmMemory } = await watchingMemory(host, async () => {
      for (let task = 0; task <= WATCHED_TASKS; task++) {
        progress(`Memory, task ${task + 1} of ${WATCHED_TASKS + 1}`);
        await timeTask(host, request);
      }
    }));
  }
  const turns: Figures['turns'][number][] = [];
  const different = withLines(request, mixes.length);
  if (parts.includes('more')) {
    progress('Lines are spoken');
    await timeTask(host, different);
  }
  for (let turn = 1; parts.includes('more') && turn <= TURNS; turn++) {
    progress(`One more video: ${turn} of ${TURNS}`);
    const known = await timeTask(host, request);
    // Nobody hears a hundredth of a decibel, and no soundtrack has it yet.
    const unknown = await timeTask(host, { ...different, audio: { loudness: -14 - turn / 100 } });
    const spent = async (isMetered: boolean) => {
      const before = processorSeconds(process.pid);
      const seconds = await timeFloor(ffmpeg, mixes, CORES, isMetered);
      return { seconds, processor: (processorSeconds(process.pid) - before) / mixes.length };
    };
    turns.push({ known, unknown, floor: await spent(true), unmetered: await spent(false) });
  }
  let answers: number[] = [];
  if (parts.includes('answers')) {
    progress('Requests for 1,000 videos');
    answers = await timeAnswers(host, request, ANSWERS);
  }
  return { turns, warmMemory, idle, answers, afterAnswers: answers.length === 0 ? undefined : resident() };
}

async function graphPart(bench: Bench, finished: FinishedTask): Promise<Figures['graph']> {
  const concurrency = Math.max(1, Math.min(CORES, MOST_GRAPHS, Math.floor(freemem() / GRAPH_BYTES)));
  const mixes = spread(finished, MOST_GRAPHS);
  bench.progress(`${mixes.length} filter graphs, ${concurrency} at a time`);
  const run = { ...finished, mixes, fileOf: fileIn(bench.media), dir: await folderIn(bench.dir, 'graphs') };
  const before = processorSeconds(process.pid);
  const perVideo = await timeFilterGraphs({ ...run, ffmpeg: bench.ffmpeg, concurrency });
  const processor = (processorSeconds(process.pid) - before) / mixes.length;
  return { perVideo, processor, videos: mixes.length, concurrency };
}

/** One at a time. */
async function peersPart(bench: Bench, finished: FinishedTask): Promise<Figures['peers']> {
  const dir = await folderIn(bench.dir, 'peers');
  const inputs = graphInputs({
    ...{ ...finished, mixes: spread(finished, PEER_VIDEOS) },
    ...{ fileOf: fileIn(bench.media), dir },
  });
  const peers: Figures['peers'][number][] = [];
  for (const { name, make } of PEER_TOOLS) {
    bench.progress(name);
    const spent = { seconds: 0, processor: 0 };
    for (const input of inputs) {
      const { wallSeconds, cpuSeconds } = await make(bench.ffmpeg, input, dir);
      spent.seconds += wallSeconds / inputs.length;
      spent.processor += cpuSeconds / inputs.length;
    }
    peers.push({ name, videos: inputs.length, ...spent });
  }
  return peers;
}

/** Spread over the task, so that each has other clips. */
function spread({ mixes }: FinishedTask, count: number): FinishedTask['mixes'] {
  return Array.from(
    { length: count },
    (_, at) => mixes[Math.floor((at * (mixes.length - 1)) / (count - 1))],
  ).filter((mix) => mix !== undefined);
}

function fileIn({ clips, tracks }: BenchMedia): (url: string) => string {
  return (url) => {
    const name = decodeURIComponent(new URL(url).pathname.slice(1));
    return [...clips, ...tracks].find((file) => basename(file) === name) ?? url;
  };
}

async function folderIn(dir: string, name: string): Promise<string> {
  const path = join(dir, name);
  await mkdir(path);
  return path;
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
