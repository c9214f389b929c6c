/**
 * `npm run bench -- orchestration [COMBINATIONS...]`: what messages, leases, checks, saving and reports of the single-machine
 * host cost, where there is next to nothing to do about media: clips of half a second in 160x90 that are known, one track.
 */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { serveFiles } from '../../infra/media/file-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import { type HostProcess, startHostProcess } from './host-process.ts';
import { makeMusic } from './media.ts';
import { highestResident } from './memory.ts';
import { ownProcessorSeconds, processorSeconds } from './process-tree.ts';
import { type BenchRequest, named } from './request.ts';
import { timeTask } from './rounds.ts';
import { markdown } from './table.ts';

const CLIPS = 10;
/** Blocks of ten clips. Of each length there is one soundtrack. */
const SIZES: readonly (readonly [combinations: number, blocks: number])[] = [
  [1_000, 3],
  [10_000, 4],
];
const DATABASE = ['every-cut.sqlite', 'every-cut.sqlite-wal'] as const;

/** @param wanted combinations; all sizes by default */
export async function orchestrationTable(
  ffmpeg: string,
  wanted: readonly string[],
  progress: (what: string) => void,
): Promise<string> {
  const sizes = wanted.length === 0 ? SIZES : SIZES.filter(([size]) => wanted.includes(String(size)));
  if (sizes.length === 0)
    throw new Error(`Expected ${SIZES.map(([size]) => size).join(' or ')}, got ${wanted}`);
  await using dir = await tempDir();
  const folders = { dataDir: join(dir.path, 'data'), outputDir: join(dir.path, 'output') };
  for (const folder of Object.values(folders)) await mkdir(folder);
  progress('Clips');
  const { clips, track } = await makeTinyClips(ffmpeg, dir.path);
  await using server = await serveFiles([...clips, track]);
  const request = (blocks: readonly (readonly string[])[]): BenchRequest => ({
    task_name: 'orchestration',
    video_blocks: named(blocks.map((block) => block.map((clip) => server.url(clip)))),
    audio_blocks: { music: [server.url(track)] },
    seed: 1,
  });
  const most = Math.max(...sizes.map(([size]) => size));
  await using host = await startHostProcess(folders, ffmpeg, {
    settings: { MAX_COMBINATIONS: String(most) },
  });
  const head = [
    'combinations',
    'seconds',
    'seconds per 1,000',
    'processor seconds: Node, all',
    'database',
    'Node',
  ];
  const rows: string[][] = [];
  for (const [combinations, blocks] of sizes) {
    progress('Clips and a soundtrack of that length are made known');
    await timeTask(host, request([clips, ...Array.from({ length: blocks - 1 }, () => clips.slice(0, 1))]));
    progress(`${combinations} combinations`);
    rows.push(await measured(host, folders.dataDir, request(Array.from({ length: blocks }, () => clips))));
  }
  return markdown([head, ...rows]);
}

export async function makeTinyClips(
  ffmpeg: string,
  dir: string,
): Promise<{ clips: string[]; track: string }> {
  const clips = Array.from({ length: CLIPS }, (_, at) => join(dir, `${at}.mp4`));
  for (const [at, clip] of clips.entries()) await runFfmpeg(ffmpeg, clipArguments(clip, at));
  return { clips, track: await makeMusic(ffmpeg, dir) };
}

async function measured(host: HostProcess, dataDir: string, request: BenchRequest): Promise<string[]> {
  const bytesBefore = await databaseBytes(dataDir);
  const before = { node: ownProcessorSeconds(host.pid), all: processorSeconds(host.pid) };
  const { videos, toCompleted } = await timeTask(host, request);
  const node = ownProcessorSeconds(host.pid) - before.node;
  const all = processorSeconds(host.pid) - before.all;
  const grown = (await databaseBytes(dataDir)) - bytesBefore;
  return [
    String(videos),
    `${toCompleted.toFixed(1)} s`,
    `${((toCompleted * 1_000) / videos).toFixed(1)} s`,
    `${node.toFixed(1)} s, ${all.toFixed(1)} s`,
    `${(grown / 1e6).toFixed(1)} MB more`,
    `up to ${highestResident(host.pid).toFixed(0)} MB`,
  ];
}

async function databaseBytes(dataDir: string): Promise<number> {
  const sizes = await Promise.all(
    DATABASE.map(async (name) => (await stat(join(dataDir, name)).catch(() => ({ size: 0 }))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** All of one length, so that all combinations have the same soundtrack. */
function clipArguments(clip: string, at: number): string[] {
  return [
    ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=160x90:r=30:d=0.5,hue=h=${at * 36}`],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-y', clip],
  ];
}
