/**
 * `npm run bench -- instrumentation [ROUNDS]`: what counting, measuring and tracing cost. Hosts without OpenTelemetry's SDK, with
 * it (as `npm start` has it) and with an export to a receiver make the same videos in turn.
 */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadavg } from 'node:os';
import { join, resolve } from 'node:path';
import { serveFiles } from '../../infra/media/file-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { type HostProcess, startHostProcess } from './host-process.ts';
import { makeClips } from './media.ts';
import { makeTinyClips } from './orchestration.ts';
import { ownProcessorSeconds, processorSeconds } from './process-tree.ts';
import { shareOf } from './profile-share.ts';
import { type BenchRequest, named, withLines } from './request.ts';
import { timeTask } from './rounds.ts';
import { markdown, median } from './table.ts';

const ROUNDS = 30;
/** In blocks of 2, 2 and 1. */
const CLIPS = 5;
const VIDEOS = 4;
const CLIP_SECONDS = 7;
const BUDGET = 1.03;
const BARE = resolve(import.meta.dirname, 'bare-host.ts');
const MODES = ['bare', 'off', 'on'] as const;
type Mode = (typeof MODES)[number];
type Hosts = Record<Mode, HostProcess>;

/** Processor seconds of one task. */
type Spent = Record<Mode, number>;

export async function instrumentationTable(
  ffmpeg: string,
  [rounds = String(ROUNDS)]: readonly string[],
  progress: (what: string) => void,
): Promise<string> {
  const load = loadavg()[0] ?? 0;
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  progress('Clips and music');
  const tiny = await makeTinyClips(ffmpeg, dir.path);
  const folder = join(dir.path, 'media');
  await mkdir(folder);
  const clips = await makeClips(ffmpeg, folder, CLIPS, CLIP_SECONDS);
  const server = stack.use(await serveFiles([...tiny.clips, tiny.track, ...clips]));
  const endpoint = await startReceiver(stack);
  const hosting = new AsyncDisposableStack();
  const hosts = await startHosts(dir.path, ffmpeg, endpoint, stack.use(hosting));

  const request = (name: string, blocks: readonly (readonly string[])[]): BenchRequest => ({
    task_name: name,
    video_blocks: named(blocks.map((files) => files.map((file) => server.url(file)))),
    audio_blocks: { music: [server.url(tiny.track)] },
    text_to_speech: [{ text: 'Spring is here, and so is the sale.', voice: 'Sarah' }],
    seed: 1,
  });
  const small = request('small', [tiny.clips, tiny.clips]);
  // Each of its videos has a soundtrack of its own.
  const real = withLines(request('real', [clips.slice(0, 2), clips.slice(2, 4), clips.slice(4)]), VIDEOS);
  /** Another soundtrack each time: nobody hears a hundredth of a decibel. */
  const unheard = (round: number) => ({ ...real, audio: { loudness: -14 - round / 100 } });

  const turns = Number(rounds);
  const known = await measured(
    '100 videos, all known',
    hosts,
    turns,
    () => small,
    ownProcessorSeconds,
    progress,
  );
  const mixed = await measured('4 videos to mix', hosts, turns, unheard, processorSeconds, progress);
  // The profiled one has the folders of one of them.
  await hosting.disposeAsync();
  const share = await profiled(dir.path, ffmpeg, endpoint, small, progress);
  return [
    `${turns} rounds, load ${load.toFixed(1)} before`,
    markdown([
      ['processor time of', 'no SDK', 'no export, to no SDK', 'export, to no export', 'budget'],
      row('Node, 100 small videos, all known', known),
      row('Node and ffmpeg, 4 videos of 21 s, soundtracks to mix', mixed),
    ]),
    `With export, ${(share * 100).toFixed(1)} % of the time of Node, of 100 small videos, is spent in counting, measuring, ` +
      'tracing and sending.',
  ].join('\n\n');
}

const IS_TELEMETRY = /\/base\/(telemetry\/|trace\.ts)|\/adapters\/opentelemetry\/|\/@opentelemetry\//;
const PROFILED_TASKS = 10;

/** Time in the same process, so that a busy machine does not matter. The first task prepares everything. */
async function profiled(
  dir: string,
  ffmpeg: string,
  endpoint: string,
  request: BenchRequest,
  progress: (what: string) => void,
): Promise<number> {
  const folders = { dataDir: join(dir, 'on', 'data'), outputDir: join(dir, 'profiled') };
  await mkdir(folders.outputDir);
  const settings = { NODE_OPTIONS: '--cpu-prof', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
  {
    await using host = await startHostProcess(folders, ffmpeg, { settings });
    for (let task = 1; task <= PROFILED_TASKS; task++) {
      progress(`A profile: ${task} of ${PROFILED_TASKS}`);
      await timeTask(host, request);
    }
  }
  return shareOf((file) => IS_TELEMETRY.test(file), folders.outputDir);
}

/** Takes all, keeps nothing. It is another process than the hosts. */
async function startReceiver(stack: AsyncDisposableStack): Promise<string> {
  const receiver = createServer((request, response) => request.resume().once('end', () => response.end()));
  receiver.listen(0, '127.0.0.1');
  await new Promise((listening) => receiver.once('listening', listening));
  stack.defer(() => receiver.closeAllConnections());
  stack.defer(() => void receiver.close());
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
}

async function startHosts(
  dir: string,
  ffmpeg: string,
  endpoint: string,
  stack: AsyncDisposableStack,
): Promise<Hosts> {
  const started = async (mode: Mode) => {
    const folders = { dataDir: join(dir, mode, 'data'), outputDir: join(dir, mode, 'output') };
    for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
    // What runs in a cage ends before its time is accounted for.
    const settings = { FFMPEG_CAGE: 'off', ...(mode === 'on' && { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }) };
    return stack.use(
      await startHostProcess(folders, ffmpeg, { settings, ...(mode === 'bare' && { entry: BARE }) }),
    );
  };
  return { bare: await started('bare'), off: await started('off'), on: await started('on') };
}

/** The first round prepares everything, and the second warms up. */
async function measured(
  what: string,
  hosts: Hosts,
  rounds: number,
  request: (round: number) => BenchRequest,
  secondsOf: (pid: number) => number,
  progress: (what: string) => void,
): Promise<Spent[]> {
  const all: Spent[] = [];
  for (let round = -2; round < rounds; round++) {
    progress(`${what}: ${round + 1} of ${rounds}`);
    const spent: Spent = { bare: 0, off: 0, on: 0 };
    for (const turn of MODES.keys()) {
      const mode = MODES[(turn + round + MODES.length) % MODES.length] as Mode;
      const { pid } = hosts[mode];
      const before = secondsOf(pid);
      await timeTask(hosts[mode], request(round + 2));
      spent[mode] = secondsOf(pid) - before;
    }
    if (round >= 0) all.push(spent);
  }
  return all;
}

function row(what: string, all: readonly Spent[]): string[] {
  const on = ratios(all, 'on', 'off');
  return [
    what,
    `${median(all.map(({ bare }) => bare)).toFixed(2)} s`,
    spread(ratios(all, 'off', 'bare')),
    spread(on),
    `at most ${BUDGET}: ${median(on) <= BUDGET ? 'kept' : 'NOT KEPT'}`,
  ];
}

/** Of the same round. */
function ratios(all: readonly Spent[], mode: Mode, base: Mode): number[] {
  return all.map((spent) => spent[mode] / spent[base]);
}

/** The median and, in brackets, what half of them lie between. */
function spread(values: readonly number[]): string {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN).toFixed(3);
  return `${median(values).toFixed(3)} (${at(0.25)} to ${at(0.75)})`;
}
