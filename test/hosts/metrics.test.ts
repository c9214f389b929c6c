/** Every metric that the work feeds, on the single-machine host as a process: by a real task, and counted exactly. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../contracts/harness.ts';
import { type HostProcess, startHostProcess } from '../fixtures/hosts/host-process.ts';
import { ffmpeg, makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { type Receiver, startReceiver } from '../fixtures/network/receiver.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { TELEMETRY_SUITES, unlessTurn } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../fixtures/telemetry/otlp-receiver.ts';
import { type Scrape, scrape } from '../fixtures/telemetry/scrape.ts';

const OUTPUT = { width: 160, height: 90, fps: 30, reencode: true };
const FRAMES = 30;
const MB = 1024 * 1024;
/** The least that the cache may have: two of the long tracks fill it. */
const CACHE_MB = 100;
const LONG_SECONDS = 300;
const BYTES_PER_SECOND = 48_000 * 2 * 2;

const RENDERS = 'every_cut_renders_ended_total';
const STAGES = 'every_cut_stage_duration_seconds_count';
const ARTIFACTS = 'every_cut_artifacts_requested_total';
const RETRIES = 'every_cut_retries_total';
const WEBHOOKS = 'every_cut_webhook_deliveries_total';

const skip = unlessTurn(TELEMETRY_SUITES, 'metrics');

describe('the metrics of the single-machine host', { timeout: 300_000, skip }, () => {
  let dir: TempDir;
  let server: SourceServer;
  let receiver: Receiver;
  let telemetry: OtlpReceiver;
  let host: HostProcess;
  let bodies: Record<string, Buffer>;

  before(async () => {
    dir = await tempDir();
    bodies = {};
    for (const colour of ['red', 'green', 'blue', 'yellow'] as const) {
      const file = await makeClip(join(dir.path, `${colour}.mp4`), { colour, frames: FRAMES });
      bodies[`/${colour}.mp4`] = await readFile(file);
    }
    bodies['/song.mp3'] = await readFile(await makeTrack(join(dir.path, 'song.mp3'), 3));
    server = await startSourceServer(
      Object.fromEntries(Object.entries(bodies).map(([path, body]) => [path, { body }])),
    );
    receiver = await startReceiver([500, 200]);
    telemetry = await startOtlpReceiver();
    host = startHostProcess({
      dir: dir.path,
      env: {
        CACHE_MAX_MB: String(CACHE_MB),
        ALLOW_PRIVATE_URLS: 'true',
        OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.url,
        // Two mixes of one soundtrack may both open its parts, of which one is then left to the other.
        RENDER_CONCURRENCY: '1',
      },
    });
    await host.started();
  });
  after(async () => {
    for (const part of [host, telemetry, receiver, server, dir]) await part?.[Symbol.asyncDispose]();
  });

  const url = () => String(host.logged('host.started')[0]?.['url']);
  const now = () => scrape(url());
  const urls = (...paths: string[]) => paths.map((path) => server.url(path));
  const twoByTwo = (name: string, more: object = {}) => ({
    task_name: name,
    video_blocks: {
      hooks: urls('/red.mp4', '/green.mp4'),
      bodies: urls('/blue.mp4', '/yellow.mp4'),
    },
    audio_blocks: { music: urls('/song.mp3') },
    text_to_speech: [{ text: 'Hello', voice: 'en' }],
    output: OUTPUT,
    ...more,
  });
  const run = async (body: object) => host.completed(await host.post(body));
  /** What a count has grown by. */
  const grown = (before: Scrape, after: Scrape, name: string, label: string, labels = {}) => {
    const earlier = before.by(name, label, labels);
    const changes = Object.entries(after.by(name, label, labels)).map(
      ([key, value]) => [key, value - (earlier[key] ?? 0)] as const,
    );
    return Object.fromEntries(changes.filter(([, change]) => change !== 0));
  };
  const stages = (before: Scrape, after: Scrape, labels = {}) =>
    grown(before, after, STAGES, 'every_cut_stage', labels);

  test('count a task of four videos, whose event is taken at the second try, and whose parts are found by the next', async () => {
    const begin = await now();
    server.set('/red.mp4', {
      body: bodies['/red.mp4'] as Buffer,
      script: [{ does: 'status', status: 503 }],
    });
    const first = await run(twoByTwo('first', { callback_url: receiver.url }));
    assert.equal(first.status['status'], 'completed');
    await until(async () => (await now()).sum(WEBHOOKS) === 2, 'the second try of the event');
    const one = await now();

    assert.deepEqual(grown(begin, one, RENDERS, 'every_cut_status'), { succeeded: 4 });
    assert.equal(one.sum('every_cut_tasks_accepted_total'), 1);
    assert.deepEqual(one.by('every_cut_tasks_ended_total', 'every_cut_status'), { completed: 1 });
    const durations = { every_cut_status: 'completed' };
    assert.equal(one.sum('every_cut_task_duration_seconds_count', durations), 1);
    const seconds = host.logged('task.completed')[0]?.['seconds'];
    assert.equal(one.sum('every_cut_task_duration_seconds_sum', durations), seconds);
    assert.deepEqual(one.by(WEBHOOKS, 'every_cut_webhook_outcome'), { server: 1, delivered: 1 });

    // Each is made once, and asked for by whoever makes something of it: sources by what is made of them, clips by the
    // videos, the track and the line by the only mix.
    const made = { source: 5, clip: 4, track: 1, speech: 1, line: 1, soundtrack: 1 };
    const miss = { every_cut_artifact_result: 'miss' };
    const hit = { every_cut_artifact_result: 'hit' };
    assert.deepEqual(grown(begin, one, ARTIFACTS, 'every_cut_kind', miss), made);
    const found = { source: 5, clip: 8, track: 1, line: 1, soundtrack: 3 };
    assert.deepEqual(grown(begin, one, ARTIFACTS, 'every_cut_kind', hit), found);
    const stored = one.by('every_cut_artifacts_stored_bytes_total', 'every_cut_kind');
    const sourceBytes = Object.values(bodies).reduce((sum, { length }) => sum + length, 0);
    assert.equal(stored['source'], sourceBytes);
    assert.ok((stored['clip'] ?? 0) > 4 * BYTES_PER_SECOND, 'each has a second of sound beside its picture');
    assert.equal(stored['track'], 3 * BYTES_PER_SECOND);
    assert.deepEqual(Object.keys(stored).toSorted(), Object.keys(made).toSorted());

    // The clip that was not there at first was tried twice.
    const tries = {
      ...{ download: 6, probe: 5, conform: 4, measure: 2, mix: 1, store: 13, join: 4, save: 6, report: 4 },
    };
    const { queue_wait, place_wait, speak: _, ...worked } = stages(begin, one);
    assert.deepEqual(worked, tries);
    assert.ok((queue_wait ?? 0) >= 5 + 4 + 1, 'each message waited');
    assert.ok((place_wait ?? 0) > 0);
    const waits = one.by(STAGES, 'every_cut_kind', { every_cut_stage: 'place_wait' });
    assert.deepEqual(
      ['downloader', 'prober', 'encoder', 'decoder', 'speaker', 'mixer', 'saver'].filter(
        (place) => !(place in waits),
      ),
      [],
    );
    const kinds = one.by(STAGES, 'every_cut_kind', { every_cut_stage: 'save' });
    assert.deepEqual(kinds, { video: 4, manifest: 2 });
    const errors = one.by(STAGES, 'error_type', { every_cut_stage: 'download' });
    assert.deepEqual(errors, { '': 5, source_busy: 1 });
    const retried = { every_cut_stage: 'download', error_type: 'source_busy' };
    assert.equal(one.sum(RETRIES, retried), 1);
    assert.equal(one.sum(RETRIES), 1);

    const speeds = one.by('every_cut_ffmpeg_speed_count', 'every_cut_stage');
    assert.deepEqual(speeds, { conform: 4, mix: 1 });
    assert.ok(one.sum('every_cut_ffmpeg_speed_sum', { every_cut_stage: 'conform' }) > 0);
    assert.equal(one.sum('every_cut_download_size_bytes_total'), sourceBytes);
    const folder = join(dir.path, 'output', 'first');
    const files = await Promise.all(readdirSync(folder).map((name) => readFile(join(folder, name))));
    assert.equal(
      one.sum('every_cut_output_size_bytes_total'),
      files.reduce((sum, { length }) => sum + length, 0),
    );
    const sent = one.by('messaging_client_sent_messages_total', 'messaging_destination_name', {
      messaging_system: 'every_cut',
      messaging_operation_name: 'publish',
    });
    assert.deepEqual([sent['prepare'], sent['complete'], sent['webhook']], [6, 1, 1]);
    assert.ok((sent['render'] ?? 0) >= 4);

    // The same again: nothing is made but the videos.
    assert.equal((await run(twoByTwo('second'))).status['status'], 'completed');
    const two = await now();
    assert.deepEqual(grown(one, two, RENDERS, 'every_cut_status'), { succeeded: 4 });
    assert.deepEqual(grown(one, two, ARTIFACTS, 'every_cut_kind', miss), {});
    const again = { source: 5, clip: 12, track: 1, line: 1, soundtrack: 4 };
    assert.deepEqual(grown(one, two, ARTIFACTS, 'every_cut_kind', hit), again);
    const { queue_wait: __, place_wait: ___, ...less } = stages(one, two);
    assert.deepEqual(less, { download: 5, join: 4, save: 6, report: 4 });
  });

  test('count what fails, by its code, and what is cancelled', async () => {
    const begin = await now();
    server.set('/broken.mp4', { body: Buffer.from('no clip at all') });
    const failing = {
      task_name: 'failing',
      video_blocks: { hooks: urls('/blue.mp4', '/broken.mp4', '/gone.mp4') },
      output: OUTPUT,
    };
    const { status } = await run(failing);
    assert.equal(status['status'], 'partial');
    const one = await now();
    assert.deepEqual(grown(begin, one, RENDERS, 'every_cut_status'), { succeeded: 1, failed: 2 });
    assert.deepEqual(grown(begin, one, RENDERS, 'error_type', { every_cut_status: 'failed' }), {
      media_unreadable: 1,
      source_not_found: 1,
    });
    const errorsOf = (stage: string) => grown(begin, one, STAGES, 'error_type', { every_cut_stage: stage });
    assert.deepEqual(errorsOf('download'), { '': 2, source_not_found: 1 });
    assert.deepEqual(errorsOf('probe'), { media_unreadable: 1 });
    assert.deepEqual(grown(begin, one, 'every_cut_tasks_ended_total', 'every_cut_status'), { partial: 1 });

    server.set('/slow.mp4', { body: Buffer.alloc(0), always: { does: 'hang' } });
    const headers = { 'retry-after': '300' };
    server.set('/busy.mp4', { body: Buffer.alloc(0), always: { does: 'status', status: 503, headers } });
    const id = await host.post({ ...failing, video_blocks: { hooks: urls('/slow.mp4', '/busy.mp4') } });
    await until(() => server.count('/slow.mp4') > 0, 'the download');
    await until(async () => (await now()).sum(RETRIES) > one.sum(RETRIES), 'the message that is handed back');
    await fetch(`${url()}/tasks/${id}/cancel`, { method: 'POST' });
    assert.equal((await host.completed(id)).status['status'], 'cancelled');
    const two = await now();
    assert.deepEqual(grown(one, two, RENDERS, 'every_cut_status'), { cancelled: 2 });
    assert.deepEqual(grown(one, two, 'every_cut_tasks_ended_total', 'every_cut_status'), { cancelled: 1 });
    assert.deepEqual(grown(one, two, RETRIES, 'error_type'), { source_busy: 1 }, 'a cancel is no failed try');
    assert.deepEqual(grown(one, two, RETRIES, 'every_cut_stage'), { download: 1 });
  });

  test('tell apart what is made of clips and pictures', async () => {
    const begin = await now();
    const logo = join(dir.path, 'logo.png');
    await ffmpeg('-f', 'lavfi', '-i', 'color=c=white:s=16x16', '-frames:v', '1', logo);
    server.set('/logo.png', { body: await readFile(logo) });
    const task = {
      video_blocks: { hooks: urls('/red.mp4') },
      text_to_speech: [{ text: 'Bye', voice: 'en' }],
    };
    const captions = { mode: 'burn', files: ['srt'] };
    await run({ ...task, task_name: 'as it is', cover: {} });
    await run({ ...task, task_name: 'burned', captions, overlays: [{ image: server.url('/logo.png') }] });
    const end = await now();
    assert.deepEqual(grown(begin, end, STAGES, 'every_cut_kind', { every_cut_stage: 'conform' }), {
      ...{ copy: 1, cover: 1, image: 1, clip: 1, captioned: 1 },
    });
    assert.deepEqual(grown(begin, end, STAGES, 'every_cut_kind', { every_cut_stage: 'save' }), {
      ...{ video: 2, cover: 1, captions: 1, manifest: 4 },
    });
  });

  test('go with spans that say what an operator looks for, and no secret', async () => {
    const named = (name: string) => telemetry.spans.filter((span) => span.name === name);
    await until(() => named('report').length >= 4 + 4 + 3 + 2, 'the spans of all videos');
    const events = named('POST').filter(({ attributes }) => 'server.address' in attributes);
    const { port } = new URL(receiver.url);
    const about = {
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'server.address': '127.0.0.1',
      'server.port': Number(port),
    };
    assert.deepEqual(
      events.map(({ attributes }) => attributes),
      [
        { ...about, 'http.response.status_code': 500, 'error.type': '500' },
        { ...about, 'http.response.status_code': 200 },
      ],
    );
    const [song] = named('download').filter(({ attributes }) => attributes['every_cut.kind'] === 'track');
    assert.deepEqual(song?.attributes, {
      ...{ 'every_cut.kind': 'track', 'every_cut.source': 4, 'every_cut.bytes': bodies['/song.mp3']?.length },
    });
    const attempts = named('report').map(({ attributes }) => attributes['every_cut.attempts']);
    assert.ok(attempts.includes(1));
    for (const { name, attributes } of telemetry.spans)
      assert.doesNotMatch(JSON.stringify([name, attributes]), /a-secret-of|\/hook|Hello|\.mp4|https?:/, name);
  });

  test('count what is removed to make room', async () => {
    const begin = await now();
    for (const name of ['one', 'two'] as const) {
      const file = join(dir.path, `${name}.flac`);
      const source = name === 'one' ? 'anullsrc=r=8000:cl=mono' : 'anullsrc=r=16000:cl=mono';
      await ffmpeg('-f', 'lavfi', '-i', source, '-t', String(LONG_SECONDS), file);
      server.set(`/${name}.flac`, { body: await readFile(file) });
      const { status } = await run({
        task_name: name,
        video_blocks: { hooks: urls('/red.mp4') },
        audio_blocks: { music: urls(`/${name}.flac`) },
        output: OUTPUT,
      });
      assert.equal(status['status'], 'completed');
    }
    const end = await now();
    const evicted = end.sum('every_cut_artifacts_evicted_total');
    assert.equal(begin.sum('every_cut_artifacts_evicted_total'), 0);
    assert.ok(2 * LONG_SECONDS * BYTES_PER_SECOND > CACHE_MB * MB && evicted > 0);
    const shelves = join(host.dataDir, 'artifacts');
    const left = readdirSync(shelves)
      .filter((name) => /^[0-9a-f]{2}$/.test(name))
      .flatMap((name) => readdirSync(join(shelves, name)));
    const made = end.sum(ARTIFACTS, { every_cut_artifact_result: 'miss' });
    assert.equal(made - evicted, left.length);
  });
});
