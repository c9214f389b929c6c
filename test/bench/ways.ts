/**
 * `npm run bench -- ways [--before FOLDER] [CLIPS]`: 27 videos of 9 clips from nothing prepared, their clips encoded or copied,
 * in turn on new hosts; with a folder, an older checkout takes its turn as well.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startHostProcess } from './host-process.ts';
import type { BenchRequest } from './request.ts';
import { type Round, timeTask } from './rounds.ts';
import { inTurn, median } from './table.ts';

const TURNS = 3;

export interface WayRound extends Round {
  /** What the status says about it. */
  joined: string;
}

export interface Ways {
  encoded: WayRound[];
  copied: WayRound[];
  before: WayRound[];
}

export interface WaysOptions {
  ffmpeg: string;
  request: BenchRequest;
  dir: string;
  /** An older checkout. */
  before: string | undefined;
  progress: (what: string) => void;
}

export async function timeWays({ ffmpeg, request, dir, before, progress }: WaysOptions): Promise<Ways> {
  const ways: Ways = { encoded: [], copied: [], before: [] };
  const run = async (name: keyof Ways, turn: number, asked: BenchRequest, root?: string) => {
    progress(`From nothing, ${name}: ${turn} of ${TURNS}`);
    const place = join(dir, `${name}-${turn}`);
    const folders = { dataDir: join(place, 'data'), outputDir: join(place, 'output') };
    for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
    await using host = await startHostProcess(folders, ffmpeg, root === undefined ? {} : { root });
    const round = await timeTask(host, asked);
    const { video = 'encoded' } = await host.status(round.taskId);
    ways[name].push({ ...round, joined: String(video) });
  };
  const { output: _, ...plain } = request;
  for (let turn = 1; turn <= TURNS; turn++) {
    if (before !== undefined) await run('before', turn, plain, before);
    await run('encoded', turn, { ...plain, output: { reencode: true } });
    await run('copied', turn, plain);
  }
  return ways;
}

/** What was measured, in two columns. */
export function wayRows({ encoded, copied, before }: Ways): [what: string, measured: string][] {
  const { videos = 0 } = encoded[0] ?? {};
  const isCopied = copied.every(({ joined }) => joined === 'copied');
  const rows: [string, string][] = [
    [`${videos} videos from nothing, clips encoded`, secondsOf(encoded)],
    [
      '... processors busy until the last source is prepared',
      inTurnOf(encoded, ({ busyPreparing }) => busyPreparing),
    ],
    [`... clips ${isCopied ? 'copied' : 'left to the service, which encodes them'}`, secondsOf(copied)],
    ['... copied against encoded: faster', timesOf(encoded, copied)],
  ];
  if (before.length > 0) {
    rows.push(
      ['... by the version before', secondsOf(before)],
      ['... encoded, now against before: faster', timesOf(before, encoded)],
    );
  }
  return rows;
}

function secondsOf(rounds: readonly WayRound[]): string {
  const all = rounds.map(({ toCompleted }) => toCompleted);
  const processor = median(rounds.map((round) => round.processor));
  return `${median(all).toFixed(1)} s (${inTurn(all, 1)}); ${processor.toFixed(1)} processor seconds`;
}

/** The median of the ratios of rounds that followed each other. */
function timesOf(slow: readonly WayRound[], fast: readonly WayRound[]): string {
  const ratios = slow.map(({ toCompleted }, at) => toCompleted / (fast[at]?.toCompleted ?? Number.NaN));
  return `${median(ratios).toFixed(2)} times (${inTurn(ratios, 2)})`;
}

function inTurnOf(rounds: readonly WayRound[], of: (round: WayRound) => number): string {
  const all = rounds.map(of);
  return `${median(all).toFixed(2)} (${inTurn(all, 2)})`;
}
