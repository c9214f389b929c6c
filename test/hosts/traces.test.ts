/** What a receiver of OpenTelemetry gets from the single-machine host, and what becomes of the work without it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { INSTRUMENTS } from '../../functions/base/telemetry/instruments.ts';
import { until } from '../contracts/harness.ts';
import { type HostProcess, startHostProcess } from '../fixtures/hosts/host-process.ts';
import { makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { type Receiver, startReceiver, WEBHOOK_SECRET } from '../fixtures/network/receiver.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { TELEMETRY_SUITES, unlessTurn } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import type { Attributes, ReceivedSpan } from '../fixtures/telemetry/otlp-proto.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../fixtures/telemetry/otlp-receiver.ts';
import { traceOfTask, treeOf, withoutInterrupted } from '../fixtures/telemetry/trace-tree.ts';

const OUTPUT = { width: 160, height: 90, fps: 30 };
/** Nothing is removed to make room, as there is enough. */
const NOT_FED = new Set(['every_cut.artifacts.evicted']);
const CALLER = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };

const skip = unlessTurn(TELEMETRY_SUITES, 'traces');

describe('the traces of the host', { timeout: 300_000, skip }, () => {
  let dir: TempDir;
  let sources: SourceServer;
  let events: Receiver;
  let otlp: OtlpReceiver;
  let host: HostProcess;
  const url = (name: string) => sources.url(`/${name}`);
  const start = (folder = '', env: Record<string, string> = {}) =>
    startHostProcess({
      dir: join(dir.path, folder),
      env: {
        WEBHOOK_SECRET,
        OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        ...env,
      },
    });
  const request = (name: string, hooks: string[], more: object = {}) => ({
    task_name: name,
    video_blocks: { hooks: hooks.map(url), bodies: [url('blue.mp4'), url('yellow.mp4')] },
    output: OUTPUT,
    callback_url: events.url,
    ...more,
  });
  const small = (name: string, clip: string) => ({
    ...request(name, []),
    video_blocks: { only: [url(clip)] },
  });
  const received = (taskId: string, name: string, least = 1) =>
    until(
      () =>
        otlp.spans.filter((span) => span.name === name && span.attributes['every_cut.task.id'] === taskId)
          .length >= least,
      `"${name}" of ${taskId}`,
    );

  before(async () => {
    dir = await tempDir();
    const files: Record<string, { body: Buffer }> = {};
    for (const colour of ['red', 'green', 'blue', 'yellow'] as const) {
      const file = await makeClip(join(dir.path, `${colour}.mp4`), { colour, frames: 15 });
      files[`/${colour}.mp4`] = { body: await readFile(file) };
    }
    files['/song.mp3'] = { body: await readFile(await makeTrack(join(dir.path, 'song.mp3'), 1)) };
    sources = await startSourceServer(files);
    events = await startReceiver();
    otlp = await startOtlpReceiver();
    host = start();
    await host.started();
  });
  after(async () => {
    for (const one of [host, otlp, events, sources, dir]) await one?.[Symbol.asyncDispose]();
  });

  test('a task of 2x2 is one tree, from the request to the event', async (t) => {
    const taskId = await host.post(
      request('two by two', ['red.mp4', 'green.mp4'], {
        audio_blocks: { music: [url('song.mp3')] },
        text_to_speech: [{ text: 'Hi', voice: 'Sarah' }],
      }),
    );
    await received(taskId, 'process webhook');
    const { root, spans, counts, drawn } = treeOf(otlp, traceOfTask(otlp.spans, taskId));
    t.diagnostic(`The trace of 2x2:\n${drawn}`);
    assert.deepEqual(
      [root.name, root.kind, root.parentId, root.attributes['every_cut.task.id']],
      ['POST /process_media', 2, undefined, taskId],
    );
    assert.equal(root.attributes['http.response.status_code'], 202);
    const [complete, webhook] = ['process complete', 'process webhook'].map((name) => counts[name]);
    assert.deepEqual([complete, webhook], [1, 1], drawn);
    // Four clips, a track and a line. When it is known of all clips whether they are copied, those that waited come again.
    const prepares = spans.filter(({ name }) => name === 'process prepare');
    assert.ok(prepares.length >= 6 && prepares.length <= 10, drawn);
    assert.deepEqual(valuesOf(prepares, 'every_cut.source'), [0, 1, 2, 3, 4, 5]);
    // Each was published by the request and may have come before its sources. Then the last of them published it again.
    const renders = spans.filter(({ name }) => name === 'process render');
    assert.ok(renders.length >= 4 && renders.length <= 8, drawn);
    assert.deepEqual(valuesOf(renders, 'every_cut.index'), [1, 2, 3, 4]);
    assert.deepEqual(
      spans.filter(({ status }) => status === 2).map(({ name }) => name),
      [],
      'none failed',
    );
  });

  test('log lines name spans that were received', async () => {
    const events = [
      'task.accepted',
      'source.prepared',
      'render.finished',
      'task.completed',
      'webhook.delivered',
    ];
    const known = new Set(otlp.spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`));
    for (const event of events) {
      const lines = host.logged(event);
      assert.ok(lines.length > 0, event);
      for (const line of lines)
        assert.ok(known.has(`${line['trace_id']} ${line['span_id']}`), JSON.stringify(line));
    }
  });

  test('two tasks at a time are two trees, one of them that of its caller', async () => {
    const trace = { traceparent: `00-${CALLER.traceId}-${CALLER.spanId}-01` };
    const [one, other] = await Promise.all([
      host.post(request('one', ['red.mp4', 'green.mp4'])),
      host.post(request('other', ['green.mp4', 'red.mp4']), trace),
    ]);
    for (const id of [one, other]) await received(id, 'process webhook');
    const own = treeOf(otlp, traceOfTask(otlp.spans, one));
    const callers = treeOf(otlp, CALLER.traceId, CALLER.spanId);
    assert.notEqual(own.root.traceId, CALLER.traceId);
    for (const [id, { spans, root, counts }] of [
      [one, own],
      [other, callers],
    ] as const) {
      assert.equal(root.name, 'POST /process_media');
      assert.equal(counts['process complete'], 1);
      assert.deepEqual(valuesOf(spans, 'every_cut.task.id'), [id]);
    }
  });

  test('a retry has a tree that refers to that of its first task, and a repeated event is in its own', async () => {
    sources.set('/gone.mp4', { body: '', always: { does: 'status', status: 404 } });
    const first = await host.post(small('gone', 'gone.mp4'));
    await received(first, 'process webhook');
    const firstTrace = traceOfTask(otlp.spans, first);
    const body = await readFile(join(dir.path, 'red.mp4'));
    sources.set('/gone.mp4', { body, script: [{ does: 'status', status: 503 }] });
    const second = String((await host.ask(`/tasks/${first}/retry`))['task_id']);
    await received(second, 'process webhook');
    assert.equal((await host.status(second))['succeeded'], 1);
    const retry = treeOf(otlp, traceOfTask(otlp.spans, second));
    assert.notEqual(retry.root.traceId, firstTrace);
    assert.equal(retry.root.name, 'POST /tasks/{task_id}/retry');
    assert.deepEqual(
      ['every_cut.task.id', 'every_cut.retry_of'].map((name) => retry.root.attributes[name]),
      [second, first],
    );
    const { root } = treeOf(otlp, firstTrace);
    assert.deepEqual(retry.root.links, [{ traceId: firstTrace, spanId: root.spanId }]);

    await host.ask(`/tasks/${first}/webhook`);
    await received(first, 'process webhook', 2);
    assert.equal(treeOf(otlp, firstTrace).counts['process webhook'], 2);
  });

  test('what a cancel starts is in the tree of the task', async () => {
    sources.set('/hangs.mp4', { body: '', always: { does: 'hang' } });
    const taskId = await host.post(small('cancelled', 'hangs.mp4'));
    await until(() => sources.count('/hangs.mp4') === 1, 'its download');
    await host.ask(`/tasks/${taskId}/cancel`);
    for (const name of ['process webhook', 'process prepare', 'POST /tasks/{task_id}/cancel'])
      await received(taskId, name);
    const { root, counts } = treeOf(otlp, traceOfTask(otlp.spans, taskId));
    assert.equal(root.name, 'POST /process_media');
    assert.equal(counts['process complete'], 1);
  });

  test('a task that ends on the next host after a kill stays one tree, with repairs and dead letters', async () => {
    sources.set('/late.mp4', { body: await readFile(join(dir.path, 'red.mp4')), script: [{ does: 'hang' }] });
    sources.set('/stuck.mp4', { body: '', always: { does: 'hang' } });
    const ids = {
      late: await host.post(small('late', 'late.mp4')),
      dead: await host.post(small('dead', 'stuck.mp4')),
      lost: await host.post(small('lost', 'stuck.mp4?lost')),
    };
    for (const id of Object.values(ids)) await received(id, 'POST /process_media');
    await until(() => sources.count('/late.mp4') === 1 && sources.count('/stuck.mp4') === 2, 'downloads');
    // Renders that came before their sources have ended, and their spans are sent.
    for (const id of Object.values(ids)) await received(id, 'process render');
    process.kill(host.pid, 'SIGKILL');
    await host.ended();
    const before = new Set(otlp.spans);
    sources.set('/stuck.mp4', { body: await readFile(join(dir.path, 'red.mp4')) });
    {
      using database = openDatabase(join(host.dataDir, 'every-cut.sqlite'));
      database.run("UPDATE messages SET deliveries = 100 WHERE state = 'taken' AND task_id = ?", ids.dead);
      // Its process ended before it had published any.
      database.run('DELETE FROM messages WHERE task_id = ?', ids.lost);
      database.run('UPDATE tasks SET published = 0 WHERE id = ?', ids.lost);
    }
    const traces = Object.values(ids).map((id) => traceOfTask(otlp.spans, id));
    host = start();
    await host.started();
    for (const id of Object.values(ids)) await received(id, 'process webhook');
    assert.equal(host.logged('sweep.repaired').length, 1);
    const [late, dead, lost] = traces.map((trace) => treeOf(withoutInterrupted(otlp.spans, before), trace));
    assert.deepEqual(
      [late, dead, lost].map((tree) => [tree?.root.name, tree?.counts['process complete']]),
      Array(3).fill(['POST /process_media', 1]),
    );
    assert.equal(late?.counts['process prepare'], 1, 'the span of the killed process was never ended');
    assert.equal(dead?.counts['process dead-letter'], 1, dead?.drawn);
    assert.equal(lost?.counts['process prepare'], 1, lost?.drawn);
  });

  test('a request that only reads is in the trace of its caller, and begins none', async () => {
    const url = String(host.logged('host.started').at(-1)?.['url']);
    const traceId = '5bf92f3577b34da6a3ce929d0e0e4736';
    const ask = (flags: string) =>
      fetch(`${url}/stats`, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` } });
    assert.deepEqual([(await ask('00')).status, (await ask('01')).status], [200, 200]);
    const reading = () => otlp.spans.filter(({ name }) => name.startsWith('GET '));
    await until(() => reading().length > 0, 'the span of the request');
    // The status of tasks was asked for many times.
    assert.deepEqual(
      reading().map((span) => [span.name, span.traceId]),
      [['GET /stats', traceId]],
    );
  });

  test('a stop sends what is left', async () => {
    await host.status(await host.post(small('last', 'red.mp4')));
    const before = otlp.spans.length;
    process.kill(host.pid, 'SIGTERM');
    assert.deepEqual(await host.ended(), { code: 0, signal: null }, host.complaints());
    assert.ok(otlp.spans.slice(before).some(({ name }) => name === 'POST /process_media'));
  });

  test('every metric that such work feeds is there, with its unit and no other attributes', () => {
    const sent = Map.groupBy(otlp.metrics(), ({ name }) => name);
    const missing = Object.keys(INSTRUMENTS).filter((name) => !sent.has(name) && !NOT_FED.has(name));
    assert.deepEqual(missing, []);
    for (const [name, { unit, kind, attributes }] of Object.entries(INSTRUMENTS)) {
      for (const metric of sent.get(name) ?? []) {
        assert.deepEqual([metric.unit, metric.kind], [unit, kind], name);
        const known: readonly string[] = attributes;
        const others = metric.points
          .flatMap((point) => Object.keys(point.attributes))
          .filter((key) => !known.includes(key));
        assert.deepEqual(others, [], name);
      }
    }
  });

  test('no span is sent if no trace is wanted, and a receiver that hangs holds up neither work nor a stop', async (t) => {
    const name = 'silent';
    await using silent = start(name, { OTEL_SERVICE_NAME: name, OTEL_TRACES_SAMPLER_ARG: '0' });
    await silent.started();
    const isOwn = ({ resource }: { resource: Attributes }) => resource['service.name'] === name;
    await silent.completed(await silent.post(small(name, 'red.mp4')));
    await until(() => otlp.metrics().some(isOwn), 'its metrics');
    assert.deepEqual(otlp.spans.filter(isOwn), []);

    otlp.answer('hang');
    const { status } = await silent.completed(await silent.post(small('unheard', 'green.mp4')));
    assert.equal(status['succeeded'], 1);
    const began = performance.now();
    process.kill(silent.pid, 'SIGTERM');
    assert.deepEqual(await silent.ended(), { code: 0, signal: null }, silent.complaints());
    t.diagnostic(`stopped after ${(performance.now() - began).toFixed(0)} ms`);
  });
});

function valuesOf(spans: readonly ReceivedSpan[], attribute: string): unknown[] {
  const values = spans.map(({ attributes }) => attributes[attribute]);
  return [...new Set(values)].filter((value) => value !== undefined).sort();
}
