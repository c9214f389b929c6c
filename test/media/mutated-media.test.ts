/**
 * Thousands of damaged and forged files through probe, conform and mix: each ends soon, either as a video of exactly the
 * frames that were told, or with an error that says what is wrong with the file. `MUTANT='h264.mp4#12'` runs a single one
 * and keeps its bytes.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pLimit from 'p-limit';
import { createFfmpeg, type Ffmpeg } from '../../functions/media/ffmpeg.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { BASES, type Base } from '../fixtures/mutants/bases.ts';
import { BATCHES, type Numbered, partnerOf } from '../fixtures/mutants/batches.ts';
import { comparedWrongs, isComparable } from '../fixtures/mutants/compare.ts';
import { type Mutant, mutate } from '../fixtures/mutants/mutate.ts';
import { type Good, makeGood, type Outcome, runMutant } from '../fixtures/mutants/run-mutant.ts';
import { canLookAtProcesses, descriptors, offspring, settled } from '../fixtures/system/left-over.ts';
import { watchMemory } from '../fixtures/system/memory.ts';
import { EXHAUSTIVE, sampled } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const LANES = EXHAUSTIVE ? 3 : 2;
/** Node's own memory may grow by so much. A file of some kilobytes that is not let go would show after thousands. */
const GROWTH_MB = 60;
/** Conforming with one thread may take 1,536 MB of its own, and the program itself is mapped. */
const CHILD_MB = 1_600;
const MEASURED = 5;
const SETTLED_AT = 2;

const wanted = process.env['MUTANT'];
const chosen =
  wanted === undefined
    ? sampled(BATCHES, BATCHES.length, 'mutants').flat()
    : BATCHES.flat().filter(({ base, seed }) => `${base.name}#${seed}` === wanted);

const memory = watchMemory();
let dir: TempDir;
let ffmpeg: Ffmpeg;
let good: Good;
const found: { mutant: Mutant; outcome: Outcome }[] = [];

before(async () => {
  dir = await tempDir();
  ffmpeg = createFfmpeg({ path: FFMPEG, children: memory });
  const file = join(dir.path, 'good.mp4');
  await (BASES[0] as Base).make(file);
  good = await makeGood(ffmpeg, file, join(dir.path, 'good'));
  await rm(file, { recursive: true });
});

after(async () => {
  await ffmpeg[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

const kept = new Map<number, Promise<Buffer>>();

/** Each base is made once. */
function bytesOf(number: number): Promise<Buffer> {
  const known = kept.get(number);
  if (known !== undefined) return known;
  const { name, make } = BASES[number] as Base;
  const file = join(dir.path, `base-${number}${/\.\w+$/.exec(name)?.[0]}`);
  const bytes = make(file).then(async () => {
    const read = await readFile(file);
    for (const left of await readdir(dir.path)) {
      if (left.startsWith(`base-${number}.`) || left.startsWith(`base-${number}-`))
        await rm(join(dir.path, left));
    }
    return read;
  });
  kept.set(number, bytes);
  return bytes;
}

const outcomes = new Map<number, Promise<Outcome>>();

/** What becomes of the base itself. */
function outcomeOf(number: number): Promise<Outcome> {
  const known = outcomes.get(number);
  if (known !== undefined) return known;
  const outcome = bytesOf(number).then((bytes) =>
    runMutant(ffmpeg, bytes, good, join(dir.path, `whole-${number}`)),
  );
  outcomes.set(number, outcome);
  return outcome;
}

async function take({ base, number, seed }: Numbered): Promise<void> {
  const other = await bytesOf(partnerOf({ number, seed }));
  const bytes = await bytesOf(number);
  const mutant = mutate(base.name, seed, bytes, other);
  const outcome = await runMutant(ffmpeg, mutant.bytes, good, join(dir.path, `mutant-${number}-${seed}`));
  if (isComparable(mutant)) outcome.wrong.push(...comparedWrongs(mutant, outcome, await outcomeOf(number)));
  found.push({ mutant: { ...mutant, bytes: Buffer.alloc(0) }, outcome });
}

function residentMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return Math.round(process.memoryUsage().rss / 2 ** 20);
}

/** Memory of Node in MB: after the first mutants, which load and compile what all use, and at each part of the rest. */
const sizes: number[] = [];
let heldBefore: readonly string[] = [];
const processesLeft: string[] = [];

test(`${chosen.length} mutants end as videos with all their frames, or with an error about the file`, async (t) => {
  assert.ok(
    chosen.length > 0,
    `Expected the id of a mutant, got ${wanted}. Ids look like ${BASES[0]?.name}#12.`,
  );
  if (wanted !== undefined) return single(t, chosen[0] as Numbered);
  const limit = pLimit(LANES);
  const begun = performance.now();
  const [first, rest] = [chosen.slice(0, 10), chosen.slice(10)];
  await Promise.all(first.map((one) => limit(take, one)));
  sizes.push(residentMb());
  heldBefore = canLookAtProcesses ? descriptors() : [];
  const part = Math.ceil(rest.length / MEASURED);
  for (let from = 0; from < rest.length; from += part) {
    await Promise.all(rest.slice(from, from + part).map((one) => limit(take, one)));
    sizes.push(residentMb());
    processesLeft.push(...(canLookAtProcesses ? await settled(() => offspring(dir.path)) : []));
  }
  report(t, performance.now() - begun);
  assert.equal(found.length, chosen.length);
  const wrong = found.flatMap(({ mutant, outcome }) =>
    outcome.wrong.map((what) => `MUTANT='${mutant.id}' (${mutant.how.join('; ')}): ${outcome.end}: ${what}`),
  );
  for (const line of wrong) t.diagnostic(line);
  assert.equal(wrong.length, 0, `${wrong.length} wrong ends`);
});

const alone = wanted !== undefined && 'one mutant says nothing about the rest';

test('they leave no process, descriptor or folder behind', { skip: alone }, async () => {
  assert.deepEqual((await readdir(dir.path)).sort(), ['good']);
  assert.deepEqual(processesLeft, []);
  if (canLookAtProcesses) assert.deepEqual(await settled(() => more(descriptors(), heldBefore)), []);
});

test('memory does not grow with their number', { skip: alone }, () => {
  // Until then Node takes room that it keeps.
  const settledMb = sizes[SETTLED_AT] as number;
  assert.ok(Math.max(...sizes.slice(SETTLED_AT)) - settledMb < GROWTH_MB, `Node: ${sizes.join(', ')} MB`);
  assert.ok(memory.largestMb() < CHILD_MB, `an ffmpeg: ${memory.largestMb()} MB`);
});

/** What is in the first list more often than in the second. */
function more(now: readonly string[], before: readonly string[]): string[] {
  const left = [...before];
  return now.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function report(t: TestContext, took: number): void {
  const ends = Map.groupBy(found, ({ outcome }) => outcome.end);
  const counts = [...ends].map(([end, { length }]) => `${length} ${end}`).sort();
  const longest = found.reduce((most, one) => (one.outcome.longestMs > most.outcome.longestMs ? one : most));
  const names = new Set(chosen.map(({ base }) => base.name));
  const seeds = chosen.map(({ seed }) => seed);
  t.diagnostic(
    `${found.length} mutants in ${(took / 1000).toFixed(0)} s, ${LANES} at a time: ${counts.join(', ')}; ` +
      `longest step ${(longest.outcome.longestMs / 1000).toFixed(1)} s (${longest.outcome.longestStep} of ${longest.mutant.id}); ` +
      `memory of Node ${sizes.join(', ')} MB, largest ffmpeg ${memory.largestMb()} MB`,
  );
  t.diagnostic(`ids: #${Math.min(...seeds)} to #${Math.max(...seeds)} of ${[...names].join(', ')}`);
}

async function single(t: TestContext, one: Numbered): Promise<void> {
  await take(one);
  const [{ mutant, outcome }] = found as [(typeof found)[number]];
  const file = join(tmpdir(), 'mutant');
  const other = await bytesOf(partnerOf(one));
  await writeFile(file, mutate(one.base.name, one.seed, await bytesOf(one.number), other).bytes);
  t.diagnostic(`${mutant.id}: ${mutant.how.join('; ')}; ends as ${outcome.end}; its bytes are in ${file}`);
  assert.deepEqual(outcome.wrong, []);
}
