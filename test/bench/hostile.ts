/**
 * `npm run bench -- hostile [NAME...] [--of FOLDER]`: attacks the single-machine host with one kind of hostile file or
 * caller at a time, each on a host of its own, and measures what others notice. NAME selects kinds. `--of` attacks the
 * host of another checkout with the same attacks, for figures of before and after.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { type Bystander, startBystander, type Waits } from './bystander.ts';
import { type HostProcess, startHostProcess } from './host-process.ts';
import { hogOf } from './hostile-hog.ts';
import { KINDS, type Kind } from './hostile-kinds.ts';
import { makeOrdinary, type Ordinary, timeOrdinary } from './hostile-stage.ts';
import { canMeasureMemory, highestResident, watchMemory } from './memory.ts';
import { markdown } from './table.ts';

/** The attack is under way before the ordinary task is posted: a file is downloaded and probed. */
const AHEAD_MS = 4_000;
/** From the beginning of the attack. What takes longer is cancelled with its host. */
const HOG_MS = 30_000;
/** For the eight videos beside an attack: as long as this, or as many times as long as alone. */
const ORDINARY_SECONDS = 60;
const TIMES_ALONE = 4;
/** Callers attack for at least so long. */
const CALLER_MS = 8_000;
const ALONE = 3;
const ALONE_SECONDS = 300;

interface Row {
  kind: Kind;
  ends: string;
  /** Seconds of the eight videos, or what went wrong. */
  beside: number | string;
  waits: Waits;
  /** MB. */
  node: number;
  together: number;
}

export async function hostileTable(
  ffmpeg: string,
  args: string[],
  progress: (what: string) => void,
): Promise<string> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { of: { type: 'string' } },
  });
  const unknown = positionals.filter((name) => !KINDS.some((kind) => kind.name === name));
  if (unknown.length > 0) {
    const known = KINDS.map(({ name }) => name).join(', ');
    throw new Error(`Expected names of attacks, got ${unknown.join(', ')}. There are: ${known}.`);
  }
  const kinds = positionals.length === 0 ? KINDS : KINDS.filter(({ name }) => positionals.includes(name));
  await using dir = await tempDir();
  progress('Ordinary clips');
  await using ordinary = await makeOrdinary(ffmpeg, dir.path);
  const bench = { ffmpeg, ordinary, root: values.of === undefined ? undefined : resolve(values.of) };
  const alone: number[] = [];
  for (let time = 1; time <= ALONE; time++) {
    await using host = await freshHost(bench, join(dir.path, `alone-${time}`));
    const seconds = await timeOrdinary(host, ordinary, ALONE_SECONDS);
    if (typeof seconds === 'string') throw new Error(`Expected eight videos, got: ${seconds}`);
    alone.push(seconds);
    progress(`Eight videos alone: ${seconds.toFixed(1)} s`);
  }
  const usual = alone.toSorted((one, other) => one - other)[ALONE >> 1] as number;
  const rows: Row[] = [];
  for (const kind of kinds) {
    progress(`${kind.name}: ${kind.about}`);
    const limitSeconds = Math.max(ORDINARY_SECONDS, TIMES_ALONE * usual);
    const row = await attacked({ ...bench, limitSeconds }, kind, join(dir.path, kind.name));
    rows.push(row);
    progress(cells(row, usual).join(' | '));
  }
  const head = ['attack', 'ends', 'longest wait', 'Node', 'with ffmpeg', 'eight videos beside'];
  const times = alone.map((seconds) => seconds.toFixed(1)).join(', ');
  return `Eight videos alone: ${usual.toFixed(1)} s (${times})\n\n${markdown([head, ...rows.map((row) => cells(row, usual))])}`;
}

interface Bench {
  ffmpeg: string;
  ordinary: Ordinary;
  root: string | undefined;
  /** For the eight videos. */
  limitSeconds: number;
}

async function freshHost(
  { ffmpeg, root }: Pick<Bench, 'ffmpeg' | 'root'>,
  dir: string,
): Promise<HostProcess> {
  const folders = { dataDir: join(dir, 'data'), outputDir: join(dir, 'output') };
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  return startHostProcess(folders, ffmpeg, root === undefined ? {} : { root });
}

async function attacked(bench: Bench, kind: Kind, dir: string): Promise<Row> {
  await mkdir(dir, { recursive: true });
  await using hog = await hogOf(kind, bench.ffmpeg, dir);
  await using host = await freshHost(bench, dir);
  const bystander: Bystander = startBystander(`${host.url}/tasks/x`);
  const memory = canMeasureMemory ? watchMemory(host.pid) : undefined;
  const stop = new AbortController();
  const begun = performance.now();
  const passed = () => performance.now() - begun;
  let ended: string | undefined;
  const ending = hog.run(host, stop.signal).then((text) => {
    ended ??= 'attack' in kind ? text : `${text} after ${(passed() / 1000).toFixed(1)} s`;
  });
  await sleep(AHEAD_MS);
  const beside = await timeOrdinary(host, bench.ordinary, bench.limitSeconds);
  if ('attack' in kind) await sleep(Math.max(0, CALLER_MS - passed()));
  else await Promise.race([ending, sleep(Math.max(0, HOG_MS - passed()), undefined, { ref: false })]);
  const waits = await bystander.stop();
  stop.abort();
  if ('attack' in kind) await Promise.race([ending, sleep(5_000, undefined, { ref: false })]);
  const peak = memory?.peak();
  const together = peak?.together ?? Number.NaN;
  const node = canMeasureMemory ? highestResident(host.pid) : Number.NaN;
  return {
    kind,
    ends: ended ?? `not within ${(passed() / 1000).toFixed(0)} s`,
    beside,
    waits,
    node,
    together,
  };
}

function cells({ kind, ends, beside, waits, node, together }: Row, alone: number): string[] {
  const seconds =
    typeof beside === 'string' ? beside : `${beside.toFixed(1)} s (${(beside / alone).toFixed(1)} times)`;
  const memory = [node, together].map((mb) => `${Math.round(mb)} MB`);
  return [`${kind.name}: ${kind.about}`, ends, `${Math.round(waits.longest)} ms`, ...memory, seconds];
}
