import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createLog, type Log } from '../../functions/base/log.ts';
import { traced, traceFields, traceparent } from '../../functions/base/trace.ts';
import { numbers } from '../contracts/harness.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';
const TRACE = `00-${TRACE_ID}-${SPAN_ID}-01`;
const IDS = { trace_id: TRACE_ID, span_id: SPAN_ID };
const FIELDS = {
  ...IDS,
  'logging.googleapis.com/trace': `projects/my-project/traces/${TRACE_ID}`,
  'logging.googleapis.com/spanId': SPAN_ID,
  'logging.googleapis.com/trace_sampled': true,
};

const NONE: readonly (string | null | undefined)[] = [
  undefined,
  null,
  '',
  'garbage',
  TRACE_ID,
  `00-${TRACE_ID}-${SPAN_ID}`,
  `00-${TRACE_ID}-${SPAN_ID}-`,
  `00-${TRACE_ID}-${SPAN_ID}-1`,
  `${TRACE}-more`,
  ` ${TRACE}`,
  `${TRACE}\n`,
  `${TRACE}, ${TRACE}`,
  TRACE.toUpperCase(),
  TRACE.replaceAll('-', '_'),
  `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`,
  `00-${TRACE_ID}0-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${SPAN_ID.slice(1)}-01`,
  `00-${TRACE_ID.replace('4', 'g')}-${SPAN_ID}-01`,
  `0-${TRACE_ID}-${SPAN_ID}-01`,
  `${TRACE_ID}/${Number.parseInt(SPAN_ID, 16)};o=1`,
];

/** The trace that work sees within this header's trace. */
const within = (header: string | null | undefined, project?: string) =>
  traced(header, () => ({ trace: traceparent(), fields: traceFields(project) }));

describe('the current trace', () => {
  test('is the trace of the header until the work ends', async () => {
    assert.equal(traceparent(), undefined);
    const seen = await traced(TRACE, async () => {
      const before = traceparent();
      await pause(1);
      return [before, traceparent()];
    });
    assert.deepEqual(seen, [TRACE, TRACE]);
    assert.equal(traceparent(), undefined);
  });

  for (const header of NONE) {
    test(`is undefined for an invalid header: ${JSON.stringify(header)}`, () => {
      assert.deepEqual(within(header, 'my-project'), { trace: undefined, fields: {} });
    });
  }

  test('is undefined for values that the standard forbids', () => {
    for (const header of [
      `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
      `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
      `ff-${TRACE_ID}-${SPAN_ID}-01`,
    ])
      assert.equal(within(header).trace, undefined, header);
  });

  test('replaces the outer trace, even with none', () => {
    const other = TRACE.replace('4bf9', 'aaaa');
    const seen = traced(TRACE, () => [within(other).trace, within('none').trace, traceparent()]);
    assert.deepEqual(seen, [other, undefined, TRACE]);
  });

  test('does not leak into concurrent work', async () => {
    const traceOf = (number: number) => `00-${String(number).padStart(32, '0')}-${SPAN_ID}-01`;
    const seen = await Promise.all(
      numbers(20).map((number) => {
        const header = number % 4 === 0 ? undefined : traceOf(number);
        return traced(header, async () => {
          const own: unknown[] = [];
          for (let round = 0; round < 5; round++) {
            await pause((number * 7 + round) % 3);
            own.push(traceparent());
          }
          return own.every((trace) => trace === header);
        });
      }),
    );
    assert.deepEqual(new Set(seen), new Set([true]));
    assert.equal(traceparent(), undefined);
  });
});

describe('the fields of a trace', () => {
  test('are the ones that Cloud Logging reads', () => {
    assert.deepEqual(within(TRACE, 'my-project').fields, FIELDS);
  });

  test('take the sampling decision from the last bit of the flags', () => {
    const sampled = (flags: string) =>
      within(`00-${TRACE_ID}-${SPAN_ID}-${flags}`, 'p').fields['logging.googleapis.com/trace_sampled'];
    assert.deepEqual(['00', '02', 'fe'].map(sampled), [false, false, false]);
    assert.deepEqual(['01', '03', 'ff'].map(sampled), [true, true, true]);
  });

  test('are those of OpenTelemetry without a project, and empty without a trace', () => {
    assert.deepEqual(within(TRACE, undefined).fields, IDS);
    assert.deepEqual(traceFields('my-project'), {});
  });
});

describe('a log line within a trace', () => {
  const lineOf = (pretty: boolean, header: string | undefined, write: (log: Log) => void): string => {
    const lines: string[] = [];
    const context = () => traceFields('my-project');
    const log = createLog({ level: 'info', pretty, context, write: (line) => lines.push(line) });
    traced(header, () => write(log));
    return lines.join('');
  };
  const started = (log: Log) => log.info('Begun', { event: 'render.started', task_id: 'a' });

  test('contains the trace fields in addition to its own', () => {
    const { timestamp, ...line } = JSON.parse(lineOf(false, TRACE, started)) as Record<string, unknown>;
    const own = { severity: 'INFO', message: 'Begun', event: 'render.started', task_id: 'a' };
    assert.deepEqual(line, { ...own, ...FIELDS });
    assert.ok(!Number.isNaN(Date.parse(String(timestamp))));
  });

  test('contains no trace fields outside a trace', () => {
    assert.doesNotMatch(lineOf(false, undefined, started), /logging\.googleapis/);
  });

  test('contains no trace fields in the format for people', () => {
    assert.match(lineOf(true, TRACE, started), /^\d\d:\d\d:\d\d "a": Begun\n$/);
  });

  test('keeps its own field when the trace has one with the same name', () => {
    const own = { 'logging.googleapis.com/spanId': 'mine' };
    const late = (log: Log) => log.warn('Late', { event: 'sweep.failed', ...own });
    const { message, severity, timestamp, event, ...rest } = JSON.parse(lineOf(false, TRACE, late));
    assert.deepEqual(rest, { ...FIELDS, ...own });
  });
});
