/**
 * `npm run bench -- growth [FOLDER [SECONDS [SIZE]]]`: what a task costs as its clips and its combinations grow, beside what is
 * encoded anew for each combination. In processor seconds, which hardly depend on what else runs. Writes numbers and plots to
 * the folder, this one by default, and prints what belongs to test/README.md.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { type FileServer, serveFiles } from '../../../infra/media/file-server.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';
import { runFfmpeg } from '../ffmpeg-run.ts';
import { filterGraphArguments, type GraphInput, graphInputs } from '../filter-graph.ts';
import { readFinishedTask } from '../finished-task.ts';
import { startHostProcess } from '../host-process.ts';
import { makeClips, makeMusic, SIZE } from '../media.ts';
import { PEER_TOOLS } from '../peers.ts';
import { processorSeconds } from '../process-tree.ts';
import { type BenchRequest, named } from '../request.ts';
import { timeTask } from '../rounds.ts';
import { type Growth, growthText, type Line, numbersText, PLOTS, plotsOf } from './numbers.ts';

const CLIP_SECONDS = '1';
const MOST_CLIPS = 12;
const CLIPS = [2, 4, 8, 12] as const;
/** Two blocks of six make 36 videos of however many clips. */
const BLOCK = 6;
/** Of three blocks, of which the first has all six clips. */
const SHAPES = [
  [6, 1, 1],
  [6, 2, 2],
  [6, 4, 4],
  [6, 6, 6],
] as const;
/** Each video costs the same there, so a few are enough. */
const ANEW = [1, 2, 4] as const;

/** A cage ends before what runs in it is accounted for. It costs some milliseconds of each start of ffmpeg. */
const NO_CAGE = { FFMPEG_CAGE: 'off' } as const;

/** How clips are joined. `copied` is what the service chooses for clips of one export preset, where it can. */
const WAYS = [
  { way: 'encoded', name: 'this service, clips encoded', output: { reencode: true } },
  { way: 'copied', name: 'this service, clips copied', output: undefined },
] as const;

export async function growthTable(
  ffmpeg: string,
  [folder = import.meta.dirname, seconds = CLIP_SECONDS, size = SIZE]: readonly string[],
  progress: (what: string) => void,
): Promise<string> {
  await using dir = await tempDir();
  progress('Clips and music');
  const clips = await makeClips(ffmpeg, dir.path, MOST_CLIPS, Number(seconds), size);
  const track = await makeMusic(ffmpeg, dir.path);
  await using server = await serveFiles([...clips, track]);
  const bench: Bench = { ffmpeg, dir: dir.path, clips, track, server, progress };

  const overClips: Line[] = [];
  const overCombinations: Line[] = [];
  for (const { way, name, output } of WAYS) {
    const requests = CLIPS.map((count) => [count, spread(bench, count, output)] as const);
    const line = await lineOf(bench, way, name, requests);
    // A service that cannot copy encodes them a second time; there is nothing to see then.
    if (line === undefined) continue;
    overClips.push(line);
    const more = SHAPES.map((shape) => [videosOf(shape), shaped(bench, shape, output)] as const);
    overCombinations.push(...[await lineOf(bench, way, name, more)].filter((found) => found !== undefined));
  }
  overCombinations.push(...(await linesOfOthers(bench)));
  const growth: Growth = {
    measuredOn: new Date().toISOString().slice(0, 10),
    machine: `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB`,
    clips: `Clips of ${seconds} s, ${size} at 30`,
    overClips: { fixed: '36 videos of two clips, music under a voice', lines: overClips },
    overCombinations: { fixed: 'six clips, videos of three, music under a voice', lines: overCombinations },
  };
  await writeFile(join(folder, 'numbers.json'), numbersText(growth));
  const plots = plotsOf(growth);
  for (const name of PLOTS) await writeFile(join(folder, name), plots[name]);
  return growthText(growth);
}

interface Bench {
  ffmpeg: string;
  dir: string;
  clips: readonly string[];
  track: string;
  server: FileServer;
  progress: (what: string) => void;
}

type Output = (typeof WAYS)[number]['output'];

/** Undefined if the first task was joined another way. */
async function lineOf(
  bench: Bench,
  way: string,
  name: string,
  requests: readonly (readonly [x: number, request: BenchRequest])[],
): Promise<Line | undefined> {
  const points: Line['points'] = [];
  for (const [x, request] of requests) {
    bench.progress(`${name}: ${x}`);
    const made = await fromNothing(bench, request);
    if (made.way !== way) {
      bench.progress(`${name}: left out, as they were ${made.way}: ${made.reason}`);
      return undefined;
    }
    points.push([x, rounded(made.processor)]);
  }
  return { name, points };
}

/** A host that knows nothing makes one task. */
async function fromNothing(
  { ffmpeg, dir }: Bench,
  request: BenchRequest,
): Promise<{ processor: number; way: string; reason: string }> {
  const folders = { dataDir: join(dir, 'data'), outputDir: join(dir, 'output') };
  for (const folder of Object.values(folders)) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
  }
  await using host = await startHostProcess(folders, ffmpeg, { settings: NO_CAGE });
  const before = processorSeconds(host.pid);
  const { taskId } = await timeTask(host, request);
  const processor = processorSeconds(host.pid) - before;
  const { video = 'encoded', video_reason: reason } = await host.status(taskId);
  return { processor, way: String(video), reason: String(reason) };
}

async function linesOfOthers(bench: Bench): Promise<Line[]> {
  const task = await readLast(bench);
  const tools = [
    {
      name: 'one filter graph each, veryfast',
      make: (ffmpeg: string, input: GraphInput) => runFfmpeg(ffmpeg, filterGraphArguments(input)),
    },
    ...PEER_TOOLS,
  ];
  const lines: Line[] = [];
  for (const { name, make } of tools) {
    const points: Line['points'] = [];
    for (const count of ANEW) {
      bench.progress(`${name}: ${count}`);
      const before = processorSeconds(process.pid);
      for (const input of task.slice(0, count)) {
        await make(bench.ffmpeg, input, bench.dir);
        await rm(input.out);
      }
      points.push([count, rounded(processorSeconds(process.pid) - before)]);
    }
    lines.push({ name, points });
  }
  return lines;
}

/** Videos of the task that was measured last, from different clips. */
async function readLast({ ffmpeg, dir, clips, track, ...bench }: Bench): Promise<GraphInput[]> {
  const folders = { dataDir: join(dir, 'last'), outputDir: join(dir, 'last-output') };
  for (const folder of Object.values(folders)) await mkdir(folder);
  let taskId: string;
  {
    await using host = await startHostProcess(folders, ffmpeg);
    ({ taskId } = await timeTask(host, shaped({ clips, track, ...bench }, [4, 1, 1], undefined)));
  }
  const { mixes, profile } = await readFinishedTask(folders.dataDir, taskId, join(dir, 'mixes'));
  const fileOf = (url: string) =>
    [...clips, track].find((file) => basename(file) === basename(new URL(url).pathname)) ?? url;
  return graphInputs({ mixes, profile, fileOf, dir });
}

/** So many clips over two blocks of six, in turn. */
function spread(bench: Sources, count: number, output: Output): BenchRequest {
  const at = (from: number) => Array.from({ length: BLOCK }, (_, place) => (from + place) % count);
  return requestOf(bench, [at(0), at(BLOCK)], output);
}

function shaped(bench: Sources, shape: readonly number[], output: Output): BenchRequest {
  return requestOf(
    bench,
    shape.map((size) => [...Array(size).keys()]),
    output,
  );
}

type Sources = Pick<Bench, 'clips' | 'track' | 'server'>;

function requestOf(
  { clips, track, server }: Sources,
  blocks: readonly number[][],
  output: Output,
): BenchRequest {
  return {
    task_name: 'growth',
    video_blocks: named(blocks.map((block) => block.map((number) => server.url(clips[number] as string)))),
    audio_blocks: { music: [server.url(track)] },
    text_to_speech: [{ text: 'Spring is here.', voice: 'Sarah' }],
    seed: 1,
    ...(output === undefined ? {} : { output }),
  };
}

function videosOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
