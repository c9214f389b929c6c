/**
 * Real processes, each killed at a different point between the calls that a stage makes to its ports, and started
 * again.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pLimit from 'p-limit';
import { MAX_ATTEMPTS } from '../../functions/coordination/retry-policy.ts';
import { EXHAUSTIVE, sampled, unlessTurn } from '../fixtures/system/sample.ts';
import type { AdapterSet } from './adapter-set.ts';
import { describeFailure, publishAgain, recordedRuns, type Trial, trial } from './harness.ts';
import type { Stop } from './instrumentation.ts';
import { judgeTests, type Run } from './judge-tests.ts';
import { stopPoints } from './points.ts';
import type { Scenario } from './scenario.ts';
import {
  CANCEL,
  CANCELLED,
  crashLoop,
  DEAD_LETTER,
  ENCODED,
  FORMATS,
  KEYED,
  PIECES,
  RETRY,
  SWEEP,
  TASK,
} from './scenarios.ts';
import { type Sources, startSources } from './sources.ts';
import { type Row, table } from './table.ts';
import { REFUSED, TWICE, WEBHOOK } from './webhook-scenarios.ts';

/** Stop points of an exhaustive run in which everything is delivered three times. */
const SPREAD = 10;
/** Two concurrent mixes: one that kills the process, and a bystander. */
const CROWDED = { RENDER_CONCURRENCY: '2' };

/** All but the further ones stop each stage once; those stop some of the same stages in another state. */
const SCENARIOS = [
  TASK,
  CANCEL,
  RETRY,
  DEAD_LETTER,
  SWEEP,
  WEBHOOK,
  KEYED,
  CANCELLED,
  ENCODED,
  FORMATS,
  PIECES,
  REFUSED,
  TWICE,
];
const FURTHER = [KEYED, CANCELLED, ENCODED, FORMATS, PIECES, REFUSED, TWICE];
/** Beside a task from its post to its end, `npm test` tries one of the others. */
const OTHERS = SCENARIOS.length - 1;
/** Where another suite stops every stage of a task, `npm test` stops one in this many. */
const STAGES = 2;

export interface FaultOptions {
  /** The reason if the set is not available here. */
  skip?: string | false;
  /** `npm test` tries one stop point in this many; `npm run test:exhaustive` tries all. */
  every: number;
  /** Also tries further scenarios, crash loops and triple deliveries in runs that are not exhaustive. */
  wide?: boolean;
}

/** Suites of the same stages on slower adapters, of which npm test runs one. */
const IN_TURN = ['vendors', 'emulators'];

export function turnOf(own: 'vendors' | 'emulators'): string | false {
  return unlessTurn(IN_TURN, own);
}

/** Runs the scenarios on one set of adapters. */
export function faultSuite(set: AdapterSet, { skip = false, every, wide = false }: FaultOptions): void {
  const narrow =
    wide || EXHAUSTIVE ? false : 'tested on the single-machine host, and by npm run test:exhaustive';
  describe(`${set.name}, killed at any point, still ends right`, { skip, concurrency: set.parallel }, () => {
    const rows: Row[] = [];
    // Shared by all scenarios. A trial mostly waits, or runs one ffmpeg.
    const limit = pLimit(set.parallel);
    let sources: Sources;
    let began: number;

    before(async () => {
      began = performance.now();
      sources = await startSources();
      // Fills the compile cache, so that the recorded runs are not slower than the ones that follow. A whole run has one.
      if (process.env['NODE_COMPILE_CACHE'] === undefined) await trial({ set, sources, scenario: TASK });
    });
    after(async () => {
      await sources?.[Symbol.asyncDispose]();
      process.stdout.write(`\n${table(inOrder(rows), (performance.now() - began) / 1000)}\n\n`);
      const stopped = rows.flatMap(({ trials }) => trials).filter(({ stop }) => stop !== undefined);
      // Because of races, one of a few points may be missed, and at most a twentieth of many.
      const unreached = stopped.filter(({ verdict }) => verdict.unreached > 0).length;
      assert.ok(
        unreached <= Math.max(stopped.length < 40 ? 1 : 2, stopped.length / 20),
        `${unreached} of ${stopped.length} points were not reached`,
      );
    });

    const run: Run = (scenario, options = {}) => limit(() => trial({ set, sources, scenario, ...options }));

    /** Adds a row to the table, and fails with all details of the trials that did not end right. */
    async function expectRight(name: { scenario: string; stage: string }, work: () => Promise<Trial[]>) {
      const asked = performance.now();
      const trials = await work();
      rows.push({ ...name, trials, seconds: (performance.now() - asked) / 1000 });
      assert.equal(
        trials.map(describeFailure).filter(Boolean).join('\n'),
        '',
        `${name.scenario}, ${name.stage}`,
      );
    }

    // These come first because they take the longest, and the other tests can run beside them.
    const LOOPS: { scenario: Scenario; stage: string; stop: Stop }[] = [
      ...['artifacts.open clip', 'outputs.save'].map((call) => ({
        scenario: crashLoop(`crash loop at ${call}`, 1),
        stage: 'render',
        stop: { by: 'call', stage: 'render', instance: 'combination 1', call, moment: 'after' } as const,
      })),
      ...['source', 'clip'].map((kind) => ({
        scenario: crashLoop(`poison ${kind}`, 1),
        stage: 'prepare',
        stop: {
          by: 'call',
          stage: 'prepare',
          instance: 'source 0',
          call: `artifacts.put ${kind}`,
          moment: 'before',
        } as const,
      })),
    ];

    test('gives up work that kills every process after five deaths, and makes everything else', {
      skip: narrow,
    }, async () => {
      await Promise.all(
        sampled(LOOPS, LOOPS.length, 'crash loops').map(({ scenario, stage, stop }) =>
          expectRight({ scenario: scenario.name, stage }, async () => [
            await run(scenario, { stop, deaths: MAX_ATTEMPTS, settings: CROWDED }),
          ]),
        ),
      );
    });

    const others = SCENARIOS.filter((one) => one !== TASK && !(narrow && FURTHER.includes(one)));
    for (const scenario of [TASK, ...sampled(others, OTHERS, `scenarios on ${set.name}`)]) {
      // One after the other, because the first run records where the others are stopped.
      describe(`the scenario "${scenario.name}"`, { concurrency: 1 }, () => {
        let recorded: Trial;

        test('ends right if no process is killed', async () => {
          await expectRight({ scenario: scenario.name, stage: 'none' }, async () => {
            recorded = await run(scenario);
            return [recorded];
          });
        });

        const { stages, stagesAfterSweep = stages } = scenario;
        const stopped = set.sweepsFirst ? stagesAfterSweep : stages;
        const named = `stages of ${scenario.name} on ${set.name}`;
        for (const stage of wide ? stopped : sampled(stopped, STAGES, named)) {
          test(`ends right wherever ${stage} is killed`, async () => {
            const points = stopPoints(recordedRuns(recorded), stage);
            const stops = sampled(points, every, `${scenario.name}, ${stage}`);
            assert.ok(stops.length > 0, `${stage} was not seen at work`);
            await expectRight({ scenario: scenario.name, stage }, () =>
              Promise.all(stops.map((stop) => run(scenario, { stop }))),
            );
          });
        }
      });
    }

    test('ends right if the queue delivers everything three times, the last message first, and again at the end', {
      skip: narrow,
    }, async () => {
      const scenario = { ...TASK, name: 'thrice' };
      // Two concurrent renders, so that each may believe that it is the last one.
      const thrice = { broken: 'thrice', afterwards: publishAgain, settings: CROWDED } as const;
      let calls = 0;
      await expectRight({ scenario: scenario.name, stage: 'none' }, async () => {
        const unstopped = await run(scenario, thrice);
        calls = recordedRuns(unstopped).reduce((sum, one) => sum + one.calls.length, 0);
        return [unstopped];
      });
      // The count includes the last process, which gets everything again, so the first one makes half of the calls.
      const spread = EXHAUSTIVE ? SPREAD : Math.ceil(SPREAD / every);
      const stops = Array.from({ length: spread }, (_, at): Stop => {
        return { by: 'count', calls: Math.ceil(((at + 0.5) / spread) * (calls / 2)) };
      });
      await expectRight({ scenario: scenario.name, stage: 'any' }, () =>
        Promise.all(stops.map((stop) => run(scenario, { ...thrice, stop }))),
      );
    });

    // All sets have the same judge, so it is tested only on a set whose calls come in a fixed order.
    describe('the judge', { skip: set.orderly ? false : 'tested on the single-machine host' }, () => {
      judgeTests(run);
    });
  });
}

/** Sorts the rows by scenario, because scenarios run side by side. */
function inOrder(rows: readonly Row[]): Row[] {
  const names = [...SCENARIOS.map(({ name }) => name), ...rows.map(({ scenario }) => scenario)];
  return rows.toSorted((one, other) => names.indexOf(one.scenario) - names.indexOf(other.scenario));
}
