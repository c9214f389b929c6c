import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Report } from '../../functions/model/report.ts';
import { webhookEvent } from '../../functions/pipeline/webhook-event.ts';
import { sampleReport, sampleTask } from '../contracts/samples.ts';

const CALLBACK = { url: 'https://h.example/', baseUrl: 'https://a.example' };

function failuresFor(count: number, message: string) {
  const error = { code: 'no_video', stage: 'probe', message } as const;
  const reports = Array.from({ length: count }, (_, at): Report => {
    return sampleReport(at + 1, { status: 'failed', error });
  });
  const event = webhookEvent({ task: sampleTask(), reports, finishedAt: 0 }, CALLBACK);
  assert.equal(event.data.failed, count);
  return { ...event.data, bytes: Buffer.byteLength(JSON.stringify(event)) };
}

describe('the event of a task', () => {
  test('has at most 100 failures, and messages of at most 2,000 characters', () => {
    const { failures } = failuresFor(101, 'x'.repeat(2_001));
    assert.equal(failures.length, 100);
    assert.ok(failures.every(({ message }) => message.length === 2_000));
  });

  test('has a bound, whatever is in the messages', () => {
    const { failures, bytes } = failuresFor(101, `${'x'.repeat(1_999)}🎬${'"ö'.repeat(2_000)}`);
    assert.equal(failures[0]?.message.length, 2_000);
    const worst = failuresFor(101, '\u0001'.repeat(2_000));
    assert.ok(
      worst.failures.length >= 20 && worst.bytes < 300_000,
      `${worst.failures.length} ${worst.bytes}`,
    );
    assert.ok(bytes < 300_000, `${bytes}`);
    assert.ok(JSON.stringify(failures).isWellFormed());
  });
});
