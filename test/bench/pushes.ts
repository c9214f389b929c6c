/** Measures on the emulators how long renders are open while their clips are prepared, and what Firestore bills. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { topicName } from '../../functions/adapters/pubsub/pubsub.ts';
import type { FunctionName } from '../../functions/hosts/cloud.ts';
import { findEmulators, startEmulators } from '../../infra/emulators/google-emulators.ts';
import { provision } from '../../infra/emulators/provision.ts';
import { startTestCloud, type TestCloud } from '../fixtures/hosts/emulated-cloud.ts';
import { COLOURS, type Colour, makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { type FirestoreCounts, type FirestoreMeter, meterFirestore } from './firestore-meter.ts';
import { meterPushes, type Push, type Pushes, pushWithin } from './push-meter.ts';
import { markdown } from './table.ts';

interface Load {
  /** Sizes of the blocks; each clip is in one of them. */
  blocks: readonly number[];
  /** How long each clip takes, because its server is that slow. */
  preparedAfterMs: number;
}

/** 200 combinations of 18 clips and a track, whose renders come long before their clips are ready. */
const WAITING: Load = { blocks: [5, 5, 8], preparedAfterMs: 10_000 };
/** 1,000 of 30, one after the other: `npm run bench -- pushes 1000`. */
const MANY: Load = { blocks: [10, 10, 10], preparedAfterMs: 0 };
const FRAMES = 30;
const SIZE = '360x640';
/** Renders pushed at a time: by the emulator, and as an instance takes them in the cloud (infra/cloud/shared.sh). */
const EMULATORS_WINDOW = 2;
const WIDE_WINDOW = 4;
const COUNTED: readonly FunctionName[] = ['processMedia', 'prepare', 'render', 'complete'];

/** Tables in Markdown, or the reason why there are none. */
export async function pushTables(
  [size]: readonly string[],
  progress: (what: string) => void,
): Promise<string> {
  const load = size === '1000' ? MANY : WAITING;
  const found = findEmulators(process.env);
  if ('missing' in found) return `Pushes were not measured: ${found.missing}.`;
  await using emulators = await startEmulators(found);
  Object.assign(process.env, emulators.hosts, { METADATA_SERVER_DETECTION: 'none' });
  await using dir = await tempDir();
  progress('Clips');
  await using server = await slowClips(dir.path, load);
  const tables: string[] = [];
  for (const window of [EMULATORS_WINDOW, WIDE_WINDOW]) {
    progress(`${combinationsOf(load)} combinations, ${window} renders pushed at a time`);
    const { FIRESTORE_EMULATOR_HOST } = emulators.hosts;
    const firestoreHost = FIRESTORE_EMULATOR_HOST;
    tables.push(
      await measured({ dir: join(dir.path, `window-${window}`), window, server, firestoreHost, load }),
    );
  }
  return tables.join('\n\n');
}

async function measured({
  dir,
  window,
  server,
  firestoreHost,
  load,
}: {
  dir: string;
  window: number;
  server: SourceServer;
  firestoreHost: string;
  load: Load;
}): Promise<string> {
  const combinations = combinationsOf(load);
  await using meters = new AsyncDisposableStack();
  const bills = new Map<FunctionName, FirestoreMeter>();
  for (const name of COUNTED) bills.set(name, meters.use(await meterFirestore(firestoreHost)));
  await using fleet = await startTestCloud(dir, {
    own: (name): Record<string, string> => {
      const host = bills.get(name)?.host;
      return host === undefined ? {} : { FIRESTORE_EMULATOR_HOST: host };
    },
  });
  const { projectId, cloud } = fleet;
  const prepare = meters.use(await meterPushes(cloud.urls.prepare));
  const emulated = meters.use(await meterPushes(cloud.urls.render));
  const isWide = window > EMULATORS_WINDOW;
  const wide = isWide
    ? meters.use(await pushWithin({ projectId, topic: topicName('render'), window, to: cloud.urls.render }))
    : undefined;
  const urls = { ...cloud.urls, prepare: prepare.url, render: wide === undefined ? emulated.url : '' };
  await provision({ projectId, urls, impatient: true });

  const began = Date.now();
  const { task_id } = await fleet.post(requestTo(server, load));
  const answering = bills.get('processMedia')?.counts();
  const { succeeded } = await fleet.ended(String(task_id));
  const seconds = (Date.now() - began) / 1000;
  if (succeeded !== combinations) throw new Error(`Expected ${combinations} videos, got ${succeeded}`);
  const renders = (wide ?? emulated).pushes;
  const counts = new Map([...bills].map(([name, meter]) => [name, meter.counts()]));
  // Without the questions about the status that follow.
  if (answering !== undefined) counts.set('processMedia', answering);
  const each = (renders.length / combinations).toFixed(2);
  return [
    `${window} renders pushed at a time: ${seconds.toFixed(1)} s from the request to the end, ${each} pushes per combination`,
    timeTable(renders, prepare.pushes, fleet),
    billTable(counts, combinations),
  ].join('\n\n');
}

function combinationsOf({ blocks }: Load): number {
  return blocks.reduce((product, size) => product * size, 1);
}

/** The answers of a server that holds each clip back for that long. */
async function slowClips(dir: string, { blocks, preparedAfterMs }: Load): Promise<SourceServer> {
  const paths: Record<string, Parameters<typeof startSourceServer>[0][string]> = {};
  const colours = Object.keys(COLOURS) as Colour[];
  const count = blocks.reduce((sum, size) => sum + size, 0);
  for (let at = 0; at < count; at++) {
    const colour = colours[at % colours.length] as Colour;
    // Clips of different lengths are different clips.
    const file = await makeClip(join(dir, `${at}.mp4`), { colour, frames: FRAMES + at, size: SIZE });
    const always = { does: 'delay', ms: preparedAfterMs } as const;
    paths[`/${at}.mp4`] = { body: await readFile(file), etag: `"${at}"`, always };
  }
  const track = await makeTrack(join(dir, 'song.mp3'), 10);
  paths['/song.mp3'] = { body: await readFile(track), etag: '"song"' };
  return startSourceServer(paths);
}

function requestTo(server: SourceServer, { blocks }: Load): object {
  let next = 0;
  return {
    task_name: 'pushes',
    video_blocks: blocks.map((size, block) => ({
      name: `block ${block + 1}`,
      urls: Array.from({ length: size }, () => server.url(`/${next++}.mp4`)),
    })),
    audio_blocks: { music: [server.url('/song.mp3')] },
    seed: 1,
  };
}

function timeTable(renders: Pushes, prepares: Pushes, fleet: TestCloud): string {
  const made = fleet.logged('render.finished').map((line) => ({
    index: Number(line['index']),
    at: Date.parse(String(line['timestamp'])),
  }));
  const isMix = ({ message, from, to }: Push) =>
    made.some(({ index, at }) => index === message.index && at >= from && at <= to);
  const head = ['pushes', 'count', 'refused', 'open in total', 'instance billed', 'p50', 'p99', 'longest'];
  const rows = [
    ['of renders', renders],
    ['... that make a video', renders.filter(isMix)],
    ['... and the others', renders.filter((push) => !isMix(push))],
    ['of prepares', prepares],
  ] as const;
  return markdown([head, ...rows.map(([what, pushes]) => [what, ...figuresOf(pushes)])]);
}

function figuresOf(pushes: Pushes): string[] {
  const times = pushes.map(({ from, to }) => (to - from) / 1000).toSorted((one, other) => one - other);
  const at = (part: number) => `${(times[Math.ceil(part * times.length) - 1] ?? 0).toFixed(2)} s`;
  const open = times.reduce((sum, time) => sum + time, 0);
  return [
    String(pushes.length),
    String(pushes.filter(({ accepted }) => !accepted).length),
    `${open.toFixed(1)} s`,
    `${billedSeconds(pushes).toFixed(1)} s`,
    ...[at(0.5), at(0.99), at(1)],
  ];
}

/** For how long at least one of them was open. */
function billedSeconds(pushes: Pushes): number {
  let until = 0;
  let billed = 0;
  for (const { from, to } of pushes.toSorted((one, other) => one.from - other.from)) {
    billed += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return billed / 1000;
}

function billTable(counts: ReadonlyMap<FunctionName, FirestoreCounts>, combinations: number): string {
  const head = ['function', 'reads', 'writes', 'reads per combination', 'writes per combination'];
  const rows = [...counts].map(([name, { reads, writes }]) => {
    const perCombination = [reads, writes].map((count) => (count / combinations).toFixed(2));
    return [`\`${name}\``, String(reads), String(writes), ...perCombination];
  });
  return markdown([head, ...rows]);
}
