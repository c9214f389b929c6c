/**
 * The cloud functions with a Drive folder, a bucket of prepared clips and an ElevenLabs account. Each process has
 * its own disk, as on Cloud Run, so that they share only the bucket.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../contracts/harness.ts';
import { FOLDER_TYPE } from '../fixtures/drive/server.ts';
import { type ElevenLabsServer, startElevenLabsServer } from '../fixtures/elevenlabs/server.ts';
import { driveSettings, type GoogleServer, startGoogleServer } from '../fixtures/google/server.ts';
import { startTestCloud, type TestCloud } from '../fixtures/hosts/emulated-cloud.ts';
import { ON_EMULATORS, useEmulators } from '../fixtures/hosts/emulators.ts';
import { serveColourClips, threeBlocks } from '../fixtures/media/colour-clips.ts';
import type { SourceServer } from '../fixtures/network/source-server.ts';
import { EXHAUSTIVE, unlessTurn, WHOLE_SUITES } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

useEmulators();

const LINES = ['Buy it now', 'Buy it today', 'Compra ahora'];
const CHARACTERS = LINES.join('').length;
/** Clips in each of three blocks. */
const EACH = EXHAUSTIVE ? 3 : 2;
const COUNT = EACH ** 3;

const skip = ON_EMULATORS.skip || unlessTurn(WHOLE_SUITES, 'the functions with vendors');

describe('the functions with Drive, a bucket and ElevenLabs', { timeout: 600_000, skip }, () => {
  let dir: TempDir;
  let server: SourceServer;
  let google: GoogleServer;
  let voices: ElevenLabsServer;
  let fleet: TestCloud;
  let parent: string;

  before(async () => {
    dir = await tempDir();
    server = await serveColourClips(dir.path, EACH);
    google = await startGoogleServer(['artifacts', 'clips']);
    voices = await startElevenLabsServer({ maximum: 2, speakMs: 50 });
    parent = google.drive.state.add({ name: 'Ads', mimeType: FOLDER_TYPE });
    fleet = await startTestCloud(dir.path, {
      env: {
        ...driveSettings(google, parent),
        CACHE_BUCKET: 'artifacts',
        SOURCE_BUCKETS: 'clips',
        ELEVENLABS_API_KEY: voices.apiKey,
        ELEVENLABS_API_URL: voices.url,
      },
      own: (name) => ({ DATA_DIR: join(dir.path, name) }),
    });
  });
  after(async () => {
    for (const part of [fleet, voices, google, server, dir]) await part?.[Symbol.asyncDispose]();
  });

  const request = (name: string) => ({
    task_name: name,
    video_blocks: threeBlocks(server, EACH),
    audio_blocks: { music: [server.url('/song.mp3')] },
    text_to_speech: LINES.map((text) => ({ text, voice: 'Sarah' })),
    output: { width: 160, height: 90, fps: 30 },
  });

  /** Characters and US dollars that a task cost. Computing on the emulators costs nothing. */
  const spoken = (id: unknown) => {
    const line = fleet.logged('task.completed').find((entry) => entry['task_id'] === id);
    return [line?.['characters'], Number(line?.['cost_usd']).toFixed(4)];
  };

  test('make all videos in one folder and buy three lines, even if a render is killed during its upload', async () => {
    google.drive.faults.add('upload.send', { does: 'stall' });
    const { task_id: id } = await fleet.post(request('first'));
    // The process with the stalled upload is killed; another delivery makes the same file.
    await until(
      () => google.drive.seen('upload.send').some(({ status }) => status === 0),
      'an upload that stalls',
    );
    await fleet.kill('render');
    const status = await fleet.ended(String(id));
    assert.deepEqual([status['succeeded'], status['failed']], [COUNT, 0]);

    const folders = google.drive.list(parent);
    assert.deepEqual(
      folders.map(({ name }) => name),
      ['first'],
    );
    const files = google.drive.list(folders[0]?.id ?? '');
    const renders = await fleet.renders(String(id));
    const videos = files.filter(({ name }) => name.endsWith('.mp4'));
    assert.deepEqual(videos.map(({ name }) => name).sort(), renders.map(({ file_name }) => file_name).sort());
    assert.equal(files.length, COUNT + 2);
    for (const text of LINES) assert.equal(voices.sold(text), 1, text);
    assert.equal(voices.peak <= 2, true);
    assert.equal(status['output_folder'], `https://drive.google.com/drive/folders/${folders[0]?.id}`);
    assert.deepEqual(spoken(id), [CHARACTERS, '0.0034']);
  });

  test('make a second task with the same clips and lines without preparing any of them again', async () => {
    const sold = voices.asked('speech');
    // Its lines fall on other videos, which may need other soundtracks.
    const prepared = () =>
      [...google.storage.objects.bucket('artifacts').keys()].filter((name) => !name.includes('/soundtrack/'));
    const kept = prepared().length;
    const { task_id: id } = await fleet.post(request('again'));
    const status = await fleet.ended(String(id));
    assert.deepEqual([status['succeeded'], status['failed']], [COUNT, 0]);
    assert.equal(voices.asked('speech'), sold);
    assert.deepEqual(spoken(id), [0, '0.0000']);
    const sales = fleet.logged('speech.bought').map((line) => Number(line['characters']));
    assert.deepEqual([sales.length, sales.reduce((sum, one) => sum + one)], [LINES.length, CHARACTERS]);
    assert.equal(prepared().length, kept);
    const names = google.drive.list(parent).map(({ name }) => name);
    assert.deepEqual(names.sort(), ['again', 'first']);
  });
});
