/**
 * The main job on one machine with a Drive and an ElevenLabs account: the vendors' own clients against servers that
 * speak their protocols.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ManifestView } from '../../functions/model/answers/manifest.ts';
import { demoRequest } from '../../infra/demo/demo.ts';
import { serveFiles } from '../../infra/media/file-server.ts';
import { makeSampleClips } from '../../infra/media/sample-clips.ts';
import { numbers } from '../contracts/harness.ts';
import { FOLDER_TYPE, type ListedFile, ROBOT } from '../fixtures/drive/server.ts';
import { defaultCredentials } from '../fixtures/drive/stage.ts';
import { type ElevenLabsServer, startElevenLabsServer } from '../fixtures/elevenlabs/server.ts';
import { driveSettings, type GoogleServer, startGoogleServer } from '../fixtures/google/server.ts';
import { type Json, startTestHost } from '../fixtures/hosts/host.ts';
import { startHostProcess } from '../fixtures/hosts/host-process.ts';
import { serveColourClips, threeBlocks } from '../fixtures/media/colour-clips.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import type { SourceServer } from '../fixtures/network/source-server.ts';
import { EXHAUSTIVE, sampled } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const OUTPUT = { width: 160, height: 90, fps: 30 };
const VIDEO = /\.mp4$/;
/** Clips in each of three blocks. */
const EACH = EXHAUSTIVE ? 3 : 2;
const COUNT = EACH ** 3;

describe('one machine with Google Drive and ElevenLabs', { timeout: 300_000 }, () => {
  let dir: TempDir;
  let server: SourceServer;
  let google: GoogleServer;
  let voices: ElevenLabsServer;
  /** DRIVE_FOLDER_ID. */
  let parent: string;
  const url = (name: string) => server.url(`/${name}`);

  before(async () => {
    dir = await tempDir();
    server = await serveColourClips(dir.path);
    google = await startGoogleServer(['clips', 'private', 'artifacts', 'videos']);
    voices = await startElevenLabsServer({ maximum: 5 });
    parent = google.drive.state.add({ name: 'Ads', mimeType: FOLDER_TYPE });
  });
  after(async () => {
    for (const part of [voices, google, server, dir]) await part?.[Symbol.asyncDispose]();
  });

  const speaking = () => ({ ELEVENLABS_API_KEY: voices.apiKey, ELEVENLABS_API_URL: voices.url });
  const onDrive = () => ({
    ...speaking(),
    ...driveSettings(google, parent),
  });
  const hostIn = (name: string, env: Record<string, string>) => startTestHost(join(dir.path, name), env);

  const folderNamed = (name: string): ListedFile => {
    const folders = google.drive.list(parent).filter((folder) => folder.name === name);
    assert.equal(folders.length, 1, `folders named ${name}`);
    return folders[0] as ListedFile;
  };

  test("the demo's request ends in the Drive folder, with the same names, sizes and bytes as on disk", async () => {
    const samples = join(dir.path, 'samples');
    const made = await tempDir();
    const clips = await makeSampleClips({
      ffmpeg: FFMPEG,
      dir: made.path,
      signal: new AbortController().signal,
    });
    await using files = await serveFiles(Object.values(clips).flat());
    // A small output: how the clips are encoded is not tested here.
    const request = {
      ...demoRequest(clips, files.url),
      seed: 7,
      output: { width: 270, height: 480, fps: 30 },
    };
    const [drive, disk] = [await runIn(onDrive()), await runIn(speaking())];
    await made[Symbol.asyncDispose]();

    async function runIn(env: Record<string, string>) {
      // Both use the same prepared clips, so that any difference comes from saving.
      await using host = await startTestHost(samples, env);
      const ended = await host.run(request);
      assert.deepEqual([ended.status['succeeded'], ended.status['failed']], [8, 0]);
      return ended;
    }
    const folder = folderNamed('Every Cut demo');
    assert.equal(drive.status['output_folder'], `https://drive.google.com/drive/folders/${folder.id}`);
    const found = google.drive.list(folder.id);
    const short = drive.id.slice(0, 6);
    assert.deepEqual(
      found.map(({ name }) => name).sort(),
      [
        ...drive.renders.map((render) => render.file_name),
        `manifest-${short}.csv`,
        `manifest-${short}.json`,
      ].sort(),
    );
    const manifestId = found.find(({ name }) => name.endsWith('.json'))?.id ?? '';
    const manifest = JSON.parse(google.drive.read(manifestId).toString()) as { renders: Json[] };
    for (const [at, render] of drive.renders.entries()) {
      const file = found.find(({ name }) => name === render.file_name) as ListedFile;
      const same = join(samples, 'output', 'Every Cut demo', disk.renders[at]?.file_name ?? '');
      const bytes = await readFile(same);
      assert.equal(file.bytes, bytes.length, render.file_name);
      assert.equal(file.md5, createHash('md5').update(bytes).digest('hex'), render.file_name);
      assert.equal(manifest.renders[at]?.['bytes'], bytes.length);
      assert.equal(render.url, `https://drive.google.com/file/d/${file.id}`);
      assert.equal(file.mimeType, 'video/mp4');
    }
  });

  const lines = [
    { text: 'Buy it now', voice: 'Sarah' },
    { text: 'Buy it today', voice: 'George' },
    { text: 'Compra ahora', voice: 'Sarah' },
  ];
  const blocksTask = (name: string) => ({
    task_name: name,
    video_blocks: threeBlocks(server, EACH),
    audio_blocks: { music: [url('song.mp3')] },
    text_to_speach: lines,
    output: OUTPUT,
  });

  test('all combinations with 3 lines request speech three times, and a second task with the same lines never', async () => {
    await using host = await hostIn('lines', onDrive());
    const before = voices.asked('speech');
    const first = await host.run(blocksTask('first'));
    assert.deepEqual([first.status['succeeded'], first.status['failed']], [COUNT, 0]);
    assert.equal(voices.asked('speech') - before, 3);
    const second = await host.run(blocksTask('second'));
    assert.deepEqual([second.status['succeeded'], second.status['failed']], [COUNT, 0]);
    assert.equal(voices.asked('speech') - before, 3);
    assert.equal(google.drive.list(folderNamed('first').id).length, COUNT + 2);
    for (const { text } of lines) assert.equal(voices.sold(text), 1, text);
  });

  test('what a task bought and saved is counted; what it cost is in its log line, its manifest and /metrics', async () => {
    const home = join(dir.path, 'cost');
    // A hundred seconds of computing cost a cent.
    const prices = { SPEECH_USD_PER_1000_CHARACTERS: '10', COMPUTE_USD_PER_HOUR: '0.36' };
    await using host = startHostProcess({ dir: home, env: { ...speaking(), ...prices } });
    await host.started();
    const request = {
      video_blocks: { first: [url('red.mp4'), url('green.mp4')], second: [url('blue.mp4'), url('cyan.mp4')] },
      text_to_speech: ['Only now 🎬', 'And only here'].map((text) => ({ text, voice: 'Sarah' })),
      output: { ...OUTPUT, reencode: true },
    };
    const characters = 10 + 13;
    let computeUsd = 0;
    for (const [name, bought] of [
      ['buys', characters],
      ['saves', 0],
    ] as const) {
      const id = await host.post({ ...request, task_name: name });
      const { status } = await host.completed(id);
      assert.deepEqual([status['succeeded'], status['failed']], [4, 0]);
      const file = join(home, 'output', name, `manifest-${id.slice(0, 6)}.json`);
      const { cost } = JSON.parse(await readFile(file, 'utf8')) as ManifestView;
      const { usd, speech_characters, compute_seconds } = cost;
      assert.equal(speech_characters, bought);
      assert.ok(Math.abs(usd - bought / 100 - compute_seconds / 10_000) < 2e-6, `${usd} USD`);
      const { videos, sources } = workOf(home, id);
      assert.equal(videos.length, 4);
      assert.ok(videos.every((work) => work > 0));
      assert.equal(sources.length, 4 + 2);
      const seconds = [...videos, ...sources].reduce((sum, one) => sum + one, 0);
      assert.equal(compute_seconds.toFixed(6), seconds.toFixed(6));
      computeUsd += usd - bought / 100;
      const [line] = host.logged('task.completed').filter((entry) => entry['task_id'] === id);
      const logged = ['cost_usd', 'characters', 'compute_seconds'].map((field) => line?.[field]);
      assert.deepEqual(logged, [usd, bought, compute_seconds]);
    }
    const sold = host.logged('speech.bought').map((line) => line['characters']);
    assert.deepEqual(sold.toSorted(), [10, 13]);

    const metrics = await (await fetch(`${host.logged('host.started')[0]?.['url']}/metrics`)).text();
    const value = (name: string, ...labels: string[]) => {
      const found = metrics
        .split('\n')
        .filter((row) => row.startsWith(`${name}{`) && labels.every((label) => row.includes(`"${label}"`)));
      assert.equal(found.length, 1, `${name} of ${labels}: ${found.join('\n')}`);
      return Number(/\} (\S+)/.exec(found[0] ?? '')?.[1]);
    };
    const spoken = (source: string) => value('every_cut_speech_characters_total', 'elevenlabs', source);
    assert.deepEqual([spoken('bought'), spoken('saved')], [characters, characters]);
    assert.equal(value('every_cut_cost_total', 'speech').toFixed(6), '0.230000');
    // Each sum is rounded to a millionth.
    const computing = value('every_cut_cost_total', 'compute');
    assert.ok(Math.abs(computing - computeUsd) < 5e-6, `${computing} USD, expected ${computeUsd}`);
    assert.equal(value('every_cut_task_cost_count', 'completed'), 2);
    assert.equal(value('every_cut_task_cost_bucket', 'completed', '0.2'), 1);
  });

  test('a response that is cut off is requested again, and its audio is kept', async () => {
    await using host = await hostIn('broken', onDrive());
    voices.script('speech', [{ does: 'drop' }]);
    const before = voices.asked('speech');
    const line = { text: 'Cut off', voice: 'Sarah' };
    const ended = await host.run({
      task_name: 'cut off',
      video_blocks: { all: [url('red.mp4'), url('blue.mp4')] },
      text_to_speech: [line],
      output: OUTPUT,
    });
    assert.deepEqual([ended.status['succeeded'], ended.status['failed']], [2, 0]);
    assert.equal(voices.asked('speech') - before, 2);
    const log = host.logged('source.prepared').filter((entry) => entry['kind'] === 'line');
    assert.equal(log.length, 1);
    const again = await host.run({
      task_name: 'cut off again',
      video_blocks: { all: [url('red.mp4')] },
      text_to_speech: [line],
      output: OUTPUT,
    });
    assert.equal(again.status['succeeded'], 1);
    assert.equal(voices.asked('speech') - before, 2, 'the audio of the second request is kept');
  });

  test('an unknown voice fails only its own videos, and the message lists the existing voices', async () => {
    await using host = await hostIn('no voice', onDrive());
    const ended = await host.run({
      task_name: 'no voice',
      video_blocks: { all: [url('red.mp4'), url('blue.mp4')] },
      text_to_speech: [
        { text: 'Hi', voice: 'Sarah' },
        { text: 'Hi', voice: 'Mature' },
      ],
      output: OUTPUT,
    });
    assert.deepEqual([ended.status['succeeded'], ended.status['failed']], [1, 1]);
    const error = ended.renders.find((render) => render.error)?.error;
    assert.equal(error?.code, 'voice_not_found');
    assert.match(error?.message ?? '', /Sarah - Mature/);
  });

  test('concurrent tasks with the same name share one folder', async () => {
    await using host = await hostIn('one folder', onDrive());
    const name = `it's "one" \\ ünd 日本語 🎬`;
    const request = { task_name: name, video_blocks: { all: [url('red.mp4')] }, output: OUTPUT };
    const made = google.drive.seen('create').length;
    const ended = await Promise.all(numbers(10).map(() => host.run(request)));
    assert.equal(new Set(ended.map(({ status }) => status['output_folder'])).size, 1);
    assert.equal(google.drive.list(folderNamed(name).id).filter((file) => VIDEO.test(file.name)).length, 10);
    const created = google.drive
      .seen('create')
      .slice(made)
      .filter(({ status }) => status === 200);
    assert.equal(created.length, 1, 'all the others found it');
  });

  test('lost answers and 503s of Drive are retried: one folder of the name, and each file once', async () => {
    await using host = await hostIn('troubled', onDrive());
    const { faults } = google.drive;
    faults.add('create', { does: 'lose' });
    for (const kind of ['list', 'generateIds', 'upload.begin'] as const) {
      faults.add(kind, { does: 'refuse', status: 503 }, { times: 2 });
    }
    faults.add('upload.send', { does: 'lose' }, { times: 2 });
    const request = {
      task_name: 'troubled',
      video_blocks: { all: [url('red.mp4'), url('blue.mp4')] },
      output: OUTPUT,
    };
    const ended = await Promise.all(numbers(4).map(() => host.run(request)));
    faults.clear();
    assert.deepEqual(
      ended.map(({ status }) => [status['succeeded'], status['failed']]),
      numbers(4).map(() => [2, 0]),
    );
    assert.ok(ended.every(({ renders }) => renders.every(({ attempts }) => attempts === 1)));
    const names = google.drive.list(folderNamed('troubled').id).map(({ name }) => name);
    assert.deepEqual(
      [names.length, new Set(names).size],
      [16, 16],
      'of each task two videos and two manifests',
    );
  });

  const refused: [what: string, env: () => Record<string, string>, detail: RegExp, hint: RegExp][] = [
    [
      'a refresh token that was revoked',
      () => ({ ...onDrive(), DRIVE_REFRESH_TOKEN: 'revoked-token-1' }),
      /invalid_grant/,
      /^Make a new refresh token/,
    ],
    [
      'a folder that does not exist',
      () => ({ ...onDrive(), DRIVE_FOLDER_ID: '1234567890abcdefghij' }),
      /404 notFound/,
      /DRIVE_FOLDER_ID/,
    ],
    [
      'a bucket that does not exist',
      () => ({ ...speaking(), OUTPUT: 'gcs', OUTPUT_BUCKET: 'never-made', GOOGLE_API_URL: google.url }),
      /never-made/,
      /OUTPUT_BUCKET/,
    ],
  ];
  for (const [what, env, detail, hint] of refused) {
    test(`${what} gets one response with a hint, and nothing is accepted`, async () => {
      await using host = await hostIn(`refused ${what}`, env());
      const { status, body } = await host.post(blocksTask('never'));
      assert.equal(status, 502, JSON.stringify(body));
      assert.equal(body['code'], 'output_folder');
      assert.match(String(body['detail']), detail);
      assert.match(String(body['hint']), hint);
      assert.doesNotMatch(JSON.stringify(body), /revoked-token-1|client-secret/);
      assert.equal(host.logged('task.accepted').length, 0);
    });
  }

  const away: [what: string, env: () => Record<string, string>, fault: () => void][] = [
    [
      'Drive is busy',
      onDrive,
      () => google.drive.faults.add('about', { does: 'refuse', status: 503 }, { times: 50 }),
    ],
    [
      'Cloud Storage never answers',
      () => ({ OUTPUT: 'gcs', OUTPUT_BUCKET: 'videos', GOOGLE_API_URL: google.url }),
      () => google.storage.fault({ operation: 'upload', does: 'hang', times: 50 }),
    ],
  ];
  for (const [what, env, fault] of sampled(away, 2, 'outputs that are away')) {
    test(`while ${what} a task is soon refused as retryable, and nothing is accepted`, async () => {
      await using host = await hostIn(`away ${what}`, env());
      fault();
      const response = await fetch(`${host.url}/process_media`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(blocksTask('never')),
        // The client does not wait for long.
        signal: AbortSignal.timeout(25_000),
      });
      assert.equal(response.status, 503, await response.text());
      assert.equal(response.headers.get('retry-after'), '30');
      assert.equal(host.logged('task.accepted').length, 0);
      google.drive.faults.clear();
      google.storage.clearFaults();
    });
  }

  test('sources on Drive are read like shared links, and buckets only if callers may name them', async () => {
    const { state } = google.drive;
    const clip = async (colour: string) => readFile(join(dir.path, `${colour}.mp4`));
    const shared = state.add({
      // A random one may begin with characters that no file name begins with.
      id: '1SharedClipOfSomeoneElse00000001A',
      name: 'a.mp4',
      content: await clip('red'),
      owner: 'someone@example.com',
      permissions: [{ type: 'anyone', role: 'reader' }],
    });
    const own = state.add({
      name: 'b.mp4',
      content: await clip('green'),
      permissions: [{ type: 'anyone', role: 'reader' }],
    });
    const secret = state.add({ name: 'c.mp4', content: await clip('blue') });
    google.storage.objects.insert('clips', 'deep/ä b.mp4', await clip('yellow'), {});
    google.storage.objects.insert('private', 'c.mp4', await clip('blue'), {});
    const link = (id: string) => `https://drive.google.com/file/d/${id}/view?usp=sharing`;

    await using host = await hostIn('sources', { ...onDrive(), SOURCE_BUCKETS: 'clips' });
    const ended = await host.run({
      task_name: 'sources',
      video_blocks: { all: [link(shared), link(own), link(secret), 'gs://clips/deep/ä b.mp4'] },
      output: OUTPUT,
    });
    assert.deepEqual(
      ended.renders.map(({ status, error }) => error?.code ?? status),
      ['succeeded', 'succeeded', 'source_forbidden', 'succeeded'],
    );
    assert.match(ended.renders[2]?.error?.message ?? '', /anyone who has the link/);
    assert.ok(ended.renders[0]?.file_name.startsWith(`0001-${shared.slice(0, 8)}`));
    // The account shows the files that it may share; the others are only readable without signing in.
    const given = { id: shared, given: true };
    const refused = { id: secret, given: false };
    assert.deepEqual(
      google.byLink.toSorted((one, other) => Number(other.given) - Number(one.given)),
      [given, refused],
    );
    const { status, body } = await host.post({
      task_name: 'private',
      video_blocks: { all: ['gs://private/c.mp4'] },
    });
    assert.equal(status, 422);
    assert.match(JSON.stringify(body['errors']), /SOURCE_BUCKETS/);
  });

  test('a file that only the account can read is read if the settings give callers access to it', async () => {
    const secret = google.drive.state.add({
      name: 'd.mp4',
      content: await readFile(join(dir.path, 'cyan.mp4')),
    });
    await using host = await hostIn('account', { ...onDrive(), DRIVE_SOURCES: 'account' });
    const ended = await host.run({
      task_name: 'by account',
      video_blocks: { all: [`https://drive.google.com/open?id=${secret}`] },
      output: OUTPUT,
    });
    assert.equal(ended.status['succeeded'], 1, JSON.stringify(ended.renders));
  });

  test('with videos in one bucket and prepared clips in another, a new disk does not prepare anything again', async () => {
    const env = {
      ...speaking(),
      OUTPUT: 'gcs',
      OUTPUT_BUCKET: 'videos',
      CACHE_BUCKET: 'artifacts',
      GOOGLE_API_URL: google.url,
    };
    const request = {
      task_name: 'buckets',
      video_blocks: { all: [url('red.mp4'), url('blue.mp4')] },
      text_to_speech: [{ text: 'Kept for all', voice: 'Sarah' }],
      output: OUTPUT,
    };
    const sold = voices.asked('speech');
    for (const disk of ['one', 'two']) {
      await using host = await hostIn(`buckets ${disk}`, env);
      const ended = await host.run(request);
      assert.deepEqual([ended.status['succeeded'], ended.status['failed']], [2, 0]);
      for (const render of ended.renders) {
        const { body } = google.storage.objects.find('videos', `buckets/${render.file_name}`);
        assert.ok(body.length > 0, render.file_name);
        assert.match(render.url ?? '', /^https:\/\/storage.cloud.google.com\/videos\/buckets\//);
      }
    }
    assert.equal(voices.asked('speech') - sold, 1);
    const kinds = [...google.storage.objects.bucket('artifacts').keys()].map((name) => name.split('/')[1]);
    // The videos differ in length, so each has a soundtrack of its own.
    const soundtracks = ['soundtrack', 'soundtrack'];
    assert.deepEqual(kinds.sort(), ['clip', 'clip', 'line', ...soundtracks, 'source', 'source', 'speech']);
  });

  test('while ElevenLabs or Drive is busy, the status says so, and no more once it has answered', async () => {
    const refusal = { does: 'refuse', status: 429, body: { detail: { status: 'system_busy' } } } as const;
    voices.script('speech', [refusal]);
    google.drive.faults.add('upload.begin', { does: 'refuse', status: 503 });
    await using host = await hostIn('busy', onDrive());
    const { body } = await host.post({
      task_name: 'busy',
      video_blocks: { all: [url('red.mp4')] },
      text_to_speech: [{ text: 'Not said before', voice: 'Sarah' }],
      output: OUTPUT,
    });
    const seen = new Set<string>();
    let status: Json;
    do {
      status = await host.get(`/tasks/${body['task_id']}`);
      const problem = status['problem'] as Record<'code' | 'stage' | 'message', string> | null;
      if (problem !== null) seen.add([problem.code, problem.stage, problem.message.slice(0, 13)].join(', '));
      await sleep(20);
    } while (status['completed_at'] === null);
    assert.deepEqual([...seen], ['speech_busy, speak, Line for Sara', 'output_busy, save, Combination 1']);
    assert.deepEqual([status['status'], status['problem']], ['completed', null]);
  });

  test('a service account in My Drive gets an error about its missing storage quota before anything is rendered', async () => {
    const state = google.drive.state;
    const folder = state.add({
      name: 'Shared with the robot',
      mimeType: FOLDER_TYPE,
      permissions: [{ type: 'user', emailAddress: ROBOT, role: 'writer' }],
    });
    using _credentials = defaultCredentials({ server: google.drive, dir });
    await using host = await hostIn('robot', {
      OUTPUT: 'drive',
      DRIVE_FOLDER_ID: folder,
      DRIVE_AUTH: 'adc',
      GOOGLE_API_URL: google.url,
    });
    const { status, body } = await host.post(blocksTask('never'));
    assert.equal(status, 502, JSON.stringify(body));
    assert.match(String(body['hint']), /shared drive/);
  });
});

/** Seconds of work that the records of a task have, of each video and of each source. */
function workOf(home: string, taskId: string) {
  using database = new DatabaseSync(join(home, 'data', 'every-cut.sqlite'), { readOnly: true });
  const work = (rows: string) =>
    database
      .prepare(`SELECT body ->> '$.workSeconds' AS work FROM ${rows}`)
      .all(taskId)
      .map((row) => Number(row['work']));
  return {
    videos: work('reports WHERE task_id = ?'),
    sources: work("pins WHERE task_id = ? AND name LIKE 'prepared-%'"),
  };
}
