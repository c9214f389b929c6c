/**
 * The main job in the cloud setup: seven processes under functions-framework, real push delivery, and processes that are
 * killed or stopped.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createFirestoreAttempts } from '../../functions/adapters/firestore/attempts.ts';
import { connectFirestore, shardsOf, taskAt } from '../../functions/adapters/firestore/firestore.ts';
import { createFirestoreLeases } from '../../functions/adapters/firestore/leases.ts';
import { createFirestoreTasks } from '../../functions/adapters/firestore/tasks.ts';
import { createFirestoreWebhooks } from '../../functions/adapters/firestore/webhooks.ts';
import { createPubSubQueue } from '../../functions/adapters/pubsub/pubsub.ts';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { fetchKey, prepareKey, renderKey } from '../../functions/coordination/lease-keys.ts';
import { createCloudFunctions } from '../../functions/hosts/cloud.ts';
import { NO_INSTRUMENTATION } from '../../functions/hosts/instrumentation.ts';
import type { AccessView } from '../../functions/model/answers/access.ts';
import type { StatsView } from '../../functions/model/answers/stats.ts';
import type { WorkMessage } from '../../functions/model/messages.ts';
import { eventId, type WebhookRecord } from '../../functions/model/webhook.ts';
import { numbers, until } from '../contracts/harness.ts';
import { sampleTask } from '../contracts/samples.ts';
import { startTestCloud, type TestCloud } from '../fixtures/hosts/emulated-cloud.ts';
import { newProject, ON_EMULATORS, useEmulators } from '../fixtures/hosts/emulators.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { uploaded } from '../fixtures/hosts/sending.ts';
import { makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { startReceiver, WEBHOOK_SECRET } from '../fixtures/network/receiver.ts';
import { type SourceServer, startSourceServer, times } from '../fixtures/network/source-server.ts';
import { EXHAUSTIVE, sampled } from '../fixtures/system/sample.ts';
import { SEAL, SIGNING_KEY } from '../fixtures/system/seal.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../fixtures/telemetry/otlp-receiver.ts';
import { traceOfTask, treeOf } from '../fixtures/telemetry/trace-tree.ts';

useEmulators();

const OUTPUT = { width: 160, height: 90, fps: 30 };
const COLOURS = ['red', 'green', 'blue', 'yellow', 'magenta'] as const;

describe('the functions on the emulators', { timeout: 600_000, ...ON_EMULATORS }, () => {
  let dir: TempDir;
  let server: SourceServer;
  let fleet: TestCloud;
  let otlp: OtlpReceiver;
  const url = (name: string) => server.url(`/${name}`);

  before(async () => {
    dir = await tempDir();
    const files: Record<string, { body: Buffer }> = {};
    for (const at of numbers(19)) {
      const clip = { colour: COLOURS[at % COLOURS.length] ?? 'red', frames: 12 + at };
      files[`/${at}.mp4`] = { body: await readFile(await makeClip(join(dir.path, `${at}.mp4`), clip)) };
    }
    files['/song.mp3'] = { body: await readFile(await makeTrack(join(dir.path, 'song.mp3'), 1)) };
    server = await startSourceServer(files);
    otlp = await startOtlpReceiver();
    const env = { WEBHOOK_SECRET, OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url };
    fleet = await startTestCloud(dir.path, { env });
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await otlp?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  test('make every combination, also of an upload, and log all of it within the trace of the request', async () => {
    const own = await readFile(join(dir.path, '2.mp4'));
    const upload = await uploaded(fleet.cloud.urls.processMedia, own);
    const { task_id: id } = await fleet.post(
      {
        task_name: 'small',
        video_blocks: { hooks: [url('0.mp4'), url('1.mp4')], bodies: [upload] },
        audio_blocks: { music: [url('song.mp3')] },
        text_to_speech: [{ text: 'Hi', voice: 'Sarah' }],
        output: OUTPUT,
      },
      { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
    );
    const during = (await (await fetch(`${fleet.cloud.urls.processMedia}/stats`)).json()) as StatsView;
    const status = await fleet.ended(String(id));
    assert.deepEqual([status['status'], status['succeeded'], status['failed']], ['completed', 2, 0]);
    // The queue is that of Pub/Sub, and the work that of other instances.
    const { version, uptime_seconds, tasks, speech, ...elsewhere } = during;
    assert.deepEqual(elsewhere, { queue: null, places: null, disk: null, cache: null });
    assert.equal(tasks.unfinished, 1);
    assert.match(speech.since, /^\d{4}-\d\d-01$/);
    assert.equal((await fleet.files(status)).length, 4);
    const task = `${fleet.cloud.urls.processMedia}/tasks/${id}`;
    const given = await fetch(`${task}/access`, { method: 'POST' });
    const { token } = (await given.json()) as AccessView;
    // The key that signs it is that of tasks, which this function has.
    const statuses = [token, `1${token}`].map(
      async (access) => (await fetch(`${task}/manifest.zip?access=${access}`)).status,
    );
    assert.deepEqual(await Promise.all(statuses), [200, 403]);
    for (const event of ['task.accepted', 'source.prepared', 'render.finished', 'task.completed']) {
      await until(() => fleet.logged(event).length > 0, event);
      for (const line of fleet.logged(event)) {
        assert.equal(
          line['logging.googleapis.com/trace'],
          `projects/${fleet.projectId}/traces/4bf92f3577b34da6a3ce929d0e0e4736`,
          event,
        );
      }
    }
  });

  test('make one tree of a task of 2x2, across all functions, and send their spans before they answer', async (t) => {
    await using receiver = await startReceiver();
    const { task_id } = await fleet.post({
      task_name: 'two by two',
      video_blocks: { hooks: [url('3.mp4'), url('4.mp4')], bodies: [url('5.mp4'), url('6.mp4')] },
      audio_blocks: { music: [url('song.mp3')] },
      output: OUTPUT,
      callback_url: receiver.url,
    });
    const taskId = String(task_id);
    const ofTask = (name: string) =>
      otlp.spans.filter((span) => span.name === name && span.attributes['every_cut.task.id'] === taskId);
    await until(() => ofTask('process webhook').length > 0, 'the end of the trace');
    const { root, drawn, counts } = treeOf(otlp, traceOfTask(otlp.spans, taskId));
    t.diagnostic(`The trace of 2x2 across the functions:\n${drawn}`);
    assert.deepEqual([root.name, root.parentId], ['POST /process_media', undefined]);
    const instances = new Set(
      ['POST /process_media', 'process prepare', 'process render', 'process complete', 'process webhook'].map(
        (name) => ofTask(name)[0]?.resource['service.instance.id'],
      ),
    );
    assert.equal(instances.size, 5, 'each function is a process of its own');
    assert.ok((counts['process prepare'] ?? 0) >= 5 && (counts['process render'] ?? 0) >= 4, drawn);

    const works: WorkMessage[] = [
      { topic: 'prepare', taskId, source: 0 },
      { topic: 'render', taskId, index: 1 },
      { topic: 'complete', taskId },
      { topic: 'webhook', taskId },
    ];
    const letters = [{ topic: 'dead-letter', taskId, message: works[2], reason: 'none' }] as const;
    for (const [at, message] of [...works, ...letters].entries()) {
      const traceId = `0af7651916cd43dd8448eb211c80319${at}`;
      const attributes = { googclient_traceparent: `00-${traceId}-b7ad6b7169203331-01` };
      const data = Buffer.from(JSON.stringify(message)).toString('base64');
      const name = message.topic === 'dead-letter' ? 'deadLetter' : message.topic;
      const answer = await fetch(fleet.cloud.urls[name], {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ message: { messageId: `again-${at}`, data, attributes } }),
      });
      const sent = otlp.spans.filter((span) => span.traceId === traceId).map((span) => span.name);
      assert.deepEqual([answer.status, sent.includes(`process ${message.topic}`)], [204, true], name);
    }
  });

  test('show in the status what holds up a task in another process, and answer HEAD like GET', async () => {
    const body = await readFile(await makeClip(join(dir.path, 'busy.mp4'), { colour: 'cyan' }));
    server.set('/busy.mp4', { body, script: times(3, { does: 'status', status: 503 }) });
    const { task_id: id } = await fleet.post({
      task_name: 'busy',
      video_blocks: { hooks: [url('0.mp4'), url('busy.mp4')] },
      output: OUTPUT,
    });
    let problem: Json | null = null;
    await until(async () => {
      problem = (await fleet.status(String(id)))['problem'] as Json | null;
      return problem !== null;
    }, 'a problem');
    const { code, stage, message } = problem as unknown as Json;
    assert.deepEqual([code, stage], ['source_busy', 'download']);
    assert.match(String(message), /^Clip "busy": .*503/);
    const status = await fleet.ended(String(id));
    assert.deepEqual(
      ['status', 'succeeded', 'sources', 'prepared', 'problem'].map((field) => status[field]),
      ['completed', 2, 2, 2, null],
    );
    const address = `${fleet.cloud.urls.processMedia}/tasks/${id}`;
    const [got, head] = [await fetch(address), await fetch(address, { method: 'HEAD' })];
    assert.deepEqual([head.status, await head.text()], [200, '']);
    for (const name of ['content-type', 'content-length'])
      assert.equal(head.headers.get(name), got.headers.get(name), name);
  });

  test('send the event of a task again until it is taken: three deliveries of one id, each verified', async () => {
    await using receiver = await startReceiver([500, 500, 200]);
    const { task_id } = await fleet.post({
      task_name: 'event',
      video_blocks: { only: [url('0.mp4')] },
      output: OUTPUT,
      callback_url: receiver.url,
    });
    const id = String(task_id);
    const stateOf = async () => (await fleet.status(id))['webhook'] as Json;
    await using firestore = connectFirestore({ projectId: fleet.projectId });
    const webhooks = createFirestoreWebhooks({ firestore, seal: SEAL });
    for (const attempts of [1, 2]) {
      await until(async () => (await stateOf())['attempts'] === attempts, `attempt ${attempts}`);
      const { state, error } = await stateOf();
      assert.equal(state, 'pending');
      assert.match(String(error), /got 500/);
      // Its pause is over, and after a second or two the rest of its receiver is, too.
      const isTriedAgain = async () => {
        const record = (await webhooks.read(id)) as WebhookRecord;
        if (record.attempts > attempts) return true;
        await webhooks.record(id, record, { ...record, nextTryAt: Date.now() });
        assert.equal((await fetch(fleet.cloud.urls.sweep, { method: 'POST' })).status, 204);
        return false;
      };
      await until(isTriedAgain, `the attempt after ${attempts}`);
    }
    await until(async () => (await stateOf())['state'] === 'delivered', 'the delivery');
    assert.deepEqual(receiver.ids(), Array(3).fill(eventId(id)));
    const ended = Date.parse(String((await fleet.status(id))['completed_at']));
    for (const received of receiver.received) {
      assert.equal(receiver.verified(received).type, 'task.completed');
      assert.ok(received.at >= ended);
    }
    const again = await fetch(`${fleet.cloud.urls.processMedia}/tasks/${id}/webhook`, { method: 'POST' });
    assert.equal(again.status, 202);
    await until(() => receiver.received.length === 4, 'the event once more');
  });

  test('answer at once for a render that a message is at: others are acknowledged, the same one is handed back', async () => {
    // Slow, so that the lease is taken before the clip is prepared.
    const clip = await makeClip(join(dir.path, 'late.mp4'), { colour: 'red', frames: 40 });
    server.set('/late.mp4', { body: await readFile(clip), always: { does: 'delay', ms: 3_000 } });
    const { task_id } = await fleet.post({
      task_name: 'held',
      video_blocks: { only: [url('late.mp4')] },
      output: OUTPUT,
    });
    const taskId = String(task_id);
    await using firestore = connectFirestore({ projectId: fleet.projectId });
    const leases = createFirestoreLeases({ firestore });
    const lease = await leases.take(renderKey(taskId, 1), 60_000, '77');
    assert.ok(lease, 'before its clip was prepared');
    await until(() => fleet.logged('source.prepared').some((line) => line['task_id'] === taskId), 'its clip');
    const message = { topic: 'render', taskId, index: 1 } satisfies WorkMessage;
    const data = Buffer.from(JSON.stringify(message)).toString('base64');
    const pushed = async (messageId: string, to = fleet.cloud.urls.render) => {
      const body = JSON.stringify({ message: { messageId, data } });
      const headers = { 'content-type': 'application/json' };
      const signal = AbortSignal.timeout(20_000);
      return (await fetch(to, { method: 'POST', headers, body, signal })).status;
    };
    assert.deepEqual([await pushed('78'), await pushed('77')], [204, 503]);
    assert.equal(await pushed('79', fleet.cloud.urls.deadLetter), 503, 'a letter, too');
    assert.equal((await fleet.status(taskId))['succeeded'], 0);
    await leases.release(lease);
    assert.equal(await pushed('77'), 204);
    assert.equal((await fleet.ended(taskId))['succeeded'], 1);
  });

  test('are restarted however they end', async () => {
    const first = fleet.cloud.pid('sweep') as number;
    // The framework exits on SIGTERM with code 0.
    process.kill(first, 'SIGTERM');
    await until(() => ![first, undefined].includes(fleet.cloud.pid('sweep')), 'another process');
    const { sweep } = fleet.cloud.urls;
    await until(
      () =>
        fetch(sweep, { method: 'POST' }).then(
          ({ status }) => status === 204,
          () => false,
        ),
      'an answer',
    );
  });

  test('hand back their work when they are told to stop, which does not count as a crash', async () => {
    const slow = await readFile(join(dir.path, '0.mp4'));
    server.set('/slow.mp4', { body: slow, script: [{ does: 'hang' }] });
    const { task_id } = await fleet.post({
      task_name: 'stopped',
      video_blocks: { only: [url('slow.mp4')] },
      output: OUTPUT,
    });
    const taskId = String(task_id);
    await until(() => server.count('/slow.mp4') === 1, 'a download that hangs');
    process.kill(fleet.cloud.pid('prepare') as number, 'SIGTERM');
    const status = await fleet.ended(taskId);
    assert.deepEqual([status['succeeded'], server.count('/slow.mp4')], [1, 2]);
    await using firestore = connectFirestore({ projectId: fleet.projectId });
    const keys = [prepareKey(taskId, 0), fetchKey(taskId, 0)];
    assert.deepEqual(await createFirestoreLeases({ firestore }).read(keys), ['released', 'released']);
    const none = { crashes: 0, failures: 0 };
    assert.deepEqual(await createFirestoreAttempts({ firestore }).read(keys), [none, none]);
  });

  test('report many combinations once each and complete once, with a tenth of the messages doubled and processes killed', async (t) => {
    const [hooks, bodies, ctas] = EXHAUSTIVE ? [10, 5, 4] : [5, 2, 2];
    const count = hooks * bodies * ctas;
    const began = performance.now();
    const block = (from: number, count: number) => numbers(count).map((at) => url(`${from + at}.mp4`));
    const { task_id } = await fleet.post({
      task_name: 'many',
      video_blocks: [
        { name: 'hooks', urls: block(0, hooks) },
        { name: 'bodies', urls: block(10, bodies) },
        { name: 'ctas', urls: block(15, ctas) },
      ],
      audio_blocks: { music: [url('song.mp3')] },
      text_to_speech: [{ text: 'One', voice: 'a' }],
      output: OUTPUT,
    });
    const taskId = String(task_id);
    await using queue = createPubSubQueue({ projectId: fleet.projectId });
    const tenth: WorkMessage[] = numbers(count / 10).map((at) => ({
      topic: 'render',
      taskId,
      index: at * 10 + 1,
    }));
    await queue.publish([
      ...tenth,
      { topic: 'prepare', taskId, source: 3 },
      { topic: 'prepare', taskId, source: hooks + bodies + ctas + 1 },
    ]);

    const ofTask = (event: string) => fleet.logged(event).filter((line) => line['task_id'] === taskId);
    // Each time, a lease must lapse before the work goes on.
    const killed = sampled(['prepare', 'render'], 2, 'killed functions');
    await until(() => ofTask('source.prepared').length >= 5, 'some sources');
    if (killed.includes('prepare')) await fleet.kill('prepare');
    await until(() => ofTask('render.finished').length >= count / 2, 'some videos');
    if (killed.includes('render')) await fleet.kill('render');

    const status = await fleet.ended(taskId);
    const seconds = (performance.now() - began) / 1000;
    assert.deepEqual(
      ['status', 'succeeded', 'failed', 'cancelled', 'pending'].map((field) => status[field]),
      ['completed', count, 0, 0, 0],
    );
    const renders = await fleet.renders(taskId);
    assert.deepEqual(
      renders.map(({ index, status: ended }) => [index, ended]),
      numbers(count).map((at) => [at + 1, 'succeeded']),
    );
    const videos = (await fleet.files(status)).filter((name) => name.endsWith('.mp4'));
    assert.deepEqual(videos, renders.map(({ file_name }) => file_name).sort());
    // Duplicates that arrive later find nothing to do.
    await queue.publish([...tenth, { topic: 'complete', taskId }]);
    await until(() => fleet.quietForMs() > 2_000, 'all of them');
    assert.equal(ofTask('task.completed').length, 1);
    const reported = ofTask('render.finished').map((line) => line['index']);
    assert.equal(new Set(reported).size, reported.length, 'a video is reported once');
    assert.deepEqual(await fleet.status(taskId), status);
    t.diagnostic(
      `${count} combinations in ${seconds.toFixed(1)} s, ${reported.length} reported, ${videos.length} videos`,
    );
  });
});

test('the sweep keeps the records of a task that has not ended', ON_EMULATORS, async () => {
  await using dir = await tempDir();
  const projectId = newProject();
  const config = loadConfig({
    ...process.env,
    GOOGLE_CLOUD_PROJECT: projectId,
    DATA_DIR: join(dir.path, 'data'),
    OUTPUT_DIR: join(dir.path, 'output'),
    SIGNING_KEY,
  });
  const log = createLog({ level: 'error', pretty: false, write: (line) => assert.fail(line) });
  await using functions = createCloudFunctions({ config, log, instrumentation: NO_INSTRUMENTATION });
  await using firestore = connectFirestore({ projectId });
  const task = sampleTask();
  await createFirestoreTasks({ firestore, seal: SEAL }).create(task);
  await firestore.run(async ({ db }) => {
    const shard = shardsOf(db, task.id).doc('00000');
    await taskAt(db, task.id).update({ expireAt: new Date() });
    await shard.update({ expireAt: new Date() });
    const answer = await functions.sweep(new Request('http://sweep.invalid', { method: 'POST' }));
    assert.equal(answer.status, 204);
    for (const ref of [taskAt(db, task.id), shard])
      assert.ok((await ref.get()).get('expireAt').toMillis() > Date.now() + 30 * 24 * 3_600_000);
  });
});

test('the HTTP function is ready once Firestore answers', ON_EMULATORS, async () => {
  await using dir = await tempDir();
  const lines: string[] = [];
  const config = loadConfig({
    ...process.env,
    GOOGLE_CLOUD_PROJECT: newProject(),
    DATA_DIR: join(dir.path, 'data'),
    OUTPUT_DIR: join(dir.path, 'output'),
    SIGNING_KEY,
  });
  const log = createLog({ level: 'error', pretty: false, write: (line) => lines.push(line) });
  await using functions = createCloudFunctions({ config, log, instrumentation: NO_INSTRUMENTATION });
  const ask = () => functions.processMedia(new Request('http://127.0.0.1/ready'));
  let answer = await ask();
  // The first read, which connects, may take longer than a check may.
  await until(async () => {
    if (answer.status !== 200) answer = await ask();
    return answer.status === 200;
  }, 'an answer of Firestore');
  assert.doesNotMatch(lines.join(''), /ERROR/, 'being late is no error');
  assert.deepEqual(await answer.json(), { status: 'ready', checks: { store: { status: 'ok' } } });
});
