/** What is sent to a receiver of OpenTelemetry, and what is said if it takes nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createOtlpExport, type OtlpExport } from '../../../functions/adapters/opentelemetry/otlp.ts';
import { createLog } from '../../../functions/base/log.ts';
import { freePort } from '../../../infra/emulators/google-emulators.ts';
import { numbers, until } from '../../contracts/harness.ts';
import type { Json } from '../../fixtures/hosts/host.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../../fixtures/telemetry/otlp-receiver.ts';

/** A batch of this many spans is sent without waiting for others. */
const BATCH = 512;

async function exportTo(endpoint: string) {
  const lines: Json[] = [];
  const log = createLog({ level: 'debug', pretty: false, write: (line) => lines.push(JSON.parse(line)) });
  const resource = resourceFromAttributes({ 'service.name': 'every-cut' });
  const sent = createOtlpExport({ endpoint, headers: {}, share: 1, everyMs: 3_600_000, resource, log });
  const meters = new MeterProvider({ resource, readers: [sent.reader] });
  return {
    sent,
    logged: (event: string) => lines.filter((line) => line['event'] === event),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([meters.shutdown(), sent.shutdown()]);
    },
  };
}

function endSpans({ tracerProvider }: OtlpExport, count = 1): void {
  const tracer = tracerProvider.getTracer('test');
  for (const at of numbers(count)) tracer.startSpan(`span ${at}`).end();
}

describe('the export of telemetry', { concurrency: true }, () => {
  test('waits in a flush also for what is already on its way', async () => {
    await using receiver = await startOtlpReceiver();
    await using made = await exportTo(receiver.url);
    endSpans(made.sent, BATCH);
    await made.sent.flush();
    assert.equal(receiver.spans.length, BATCH);
  });

  test('names the receiver without its path, which may be a key', async () => {
    await using receiver = await startOtlpReceiver();
    // It has no such address, and says so at once.
    await using made = await exportTo(`${receiver.url}/hunter2`);
    endSpans(made.sent);
    void made.sent.flush().catch(() => {});
    await until(() => made.logged('telemetry.failing').length > 0, 'a line about it');
    const [line] = made.logged('telemetry.failing');
    assert.equal(line?.['endpoint'], `${receiver.url}/...`);
    assert.doesNotMatch(JSON.stringify(line), /hunter2/);
  });

  for (const trouble of ['answers 503', 'hangs', 'is away'] as const) {
    test(`says once that the receiver ${trouble}, then holds up nobody, and says once that it is back`, async () => {
      const port = await freePort();
      let receiver: OtlpReceiver | undefined;
      if (trouble !== 'is away') {
        receiver = await startOtlpReceiver(port);
        receiver.answer(trouble === 'hangs' ? 'hang' : 503);
      }
      try {
        await using made = await exportTo(`http://127.0.0.1:${port}`);
        for (const _ of numbers(2)) {
          endSpans(made.sent);
          void made.sent.flush().catch(() => {});
        }
        await until(() => made.logged('telemetry.failing').length > 0, 'a line about it');
        if (trouble === 'hangs') await until(() => receiver?.broken() === 2, 'the end of both');

        endSpans(made.sent);
        const [given, broken] = [receiver?.headers.length, receiver?.broken()];
        await made.sent.flush();
        if (trouble === 'hangs') {
          await until(() => receiver?.headers.length !== given, 'a request');
          assert.equal(receiver?.broken(), broken, 'nobody waited for its end');
        }

        receiver ??= await startOtlpReceiver(port);
        receiver.answer(200);
        const back = async () => {
          endSpans(made.sent);
          await made.sent.flush();
          return made.logged('telemetry.working').length > 0;
        };
        await until(back, 'a line about its end');
        assert.ok(receiver.spans.length > 0);
        assert.deepEqual(
          ['telemetry.failing', 'telemetry.working'].map((event) => made.logged(event).length),
          [1, 1],
        );
      } finally {
        await receiver?.[Symbol.asyncDispose]();
      }
    });
  }
});

// After the others, as there is one of these in a process.
test('says once why the receiver drops a part of what it takes', async () => {
  await using receiver = await startOtlpReceiver();
  receiver.drop('no location');
  await using made = await exportTo(receiver.url);
  for (const _ of numbers(2)) {
    endSpans(made.sent);
    await made.sent.flush();
  }
  const lines = made.logged('telemetry.dropped');
  assert.deepEqual(
    lines.map(({ severity, message }) => [severity, String(message).includes('no location')]),
    [['WARNING', true]],
  );
  assert.equal(receiver.spans.length, 2);
});
