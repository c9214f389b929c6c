import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import { manifestName } from '../../functions/model/names.ts';
import { manifestCsv, manifestJson } from '../../functions/pipeline/manifest.ts';
import { NO_COST } from '../contracts/samples.ts';
import { unzip } from '../fixtures/gcloud/unzip.ts';
import { type SavedVideos, savedVideos } from '../fixtures/hosts/saved-videos.ts';

const FAILED = {
  status: 'failed',
  url: null,
  bytes: null,
  error: { code: 'mix_failed', message: 'ffmpeg said no', stage: 'mix' },
} as const;

/** Two videos of three, of an ended task. */
async function ended(options: Parameters<typeof savedVideos>[0] = {}) {
  const s = await savedVideos(options);
  const videos = [randomBytes(200_000), Buffer.from('')];
  await s.save(1, videos[0] as Buffer);
  await s.report(2, FAILED);
  await s.save(3, videos[1] as Buffer);
  await s.end();
  return { ...s, videos };
}

async function codeOf(response: Response) {
  const { code, detail, hint } = (await response.json()) as Record<string, string>;
  assert.ok(hint);
  return { status: response.status, code, detail };
}

const zipOf = async (s: SavedVideos) => Buffer.from(await (await s.get('/manifest.zip')).arrayBuffer());

describe('the manifest', () => {
  for (const format of ['json', 'csv'] as const) {
    test(`as ${format} is what the file in the folder has`, async () => {
      await using s = await ended();
      const response = await s.get(`/manifest.${format}`);
      assert.equal(response.status, 200);
      const type = { json: 'application/json', csv: 'text/csv; charset=utf-8' }[format];
      assert.equal(response.headers.get('content-type'), type);
      assert.match(
        response.headers.get('content-disposition') ?? '',
        new RegExp(manifestName(s.task.id, format)),
      );
      const reports = await s.reports();
      // Three renders of 1.25 s.
      const cost = { ...NO_COST, computeSeconds: 3.75 };
      const manifest = { task: s.task, reports, finishedAt: await s.end(), join: undefined, cost };
      const pieces = format === 'json' ? manifestJson(manifest) : manifestCsv(manifest);
      assert.equal(await response.text(), [...pieces].join(''));
    });
  }

  test('and the zip are there once the task has ended', async () => {
    await using s = await savedVideos();
    await s.save(1, 'video');
    for (const path of ['/manifest.json', '/manifest.csv', '/manifest.zip']) {
      const { status, code } = await codeOf(await s.get(path));
      assert.deepEqual([status, code], [409, 'task_running'], path);
    }
    assert.equal((await s.get('/manifestXjson')).status, 404);
  });
});

describe('the zip', () => {
  test('has the files beside the videos', async () => {
    await using s = await savedVideos();
    await s.save(1, 'video', '1\n00:00:00,000 --> 00:00:01,000\nHi\n');
    await s.end();
    const entries = unzip(await zipOf(s));
    const names = [...entries.keys()].filter((name) => !name.startsWith('manifest-'));
    assert.deepEqual(names.map((name) => name.slice(name.lastIndexOf('.'))).sort(), ['.mp4', '.srt']);
    const captions = names.find((name) => name.endsWith('.srt')) ?? '';
    assert.match(String(entries.get(captions)), /Hi/);
  });

  test('leaves out what is gone of these', async () => {
    await using s = await savedVideos();
    await s.save(1, 'video', '1\n00:00:00,000 --> 00:00:01,000\nHi\n');
    await s.end();
    await rm(s.pathOf(1).replace(/mp4$/, 'srt'));
    const names = [...unzip(await zipOf(s)).keys()].filter((name) => !name.startsWith('manifest-'));
    assert.deepEqual(names, [s.nameOf(1)]);
  });

  test('has the manifest and every video, as they are in the folder', async () => {
    await using s = await ended();
    const response = await s.get('/manifest.zip');
    assert.equal(response.headers.get('content-type'), 'application/zip');
    assert.equal(
      response.headers.get('content-disposition'),
      `attachment; filename="Fr_hling _sale_ __.zip"; filename*=UTF-8''Fr%C3%BChling%20_sale_%20%F0%9F%8E%AC.zip`,
    );
    const bytes = Buffer.from(await response.arrayBuffer());
    assert.equal(response.headers.get('content-length'), String(bytes.length));
    const files = unzip(bytes);
    const [json, csv] = (['json', 'csv'] as const).map((format) => manifestName(s.task.id, format));
    assert.deepEqual([...files.keys()], [json, csv, s.nameOf(1), s.nameOf(3)]);
    assert.deepEqual([files.get(s.nameOf(1)), files.get(s.nameOf(3))], s.videos);
    assert.equal(files.get(String(json))?.toString(), await (await s.get('/manifest.json')).text());
    assert.equal(files.get(String(csv))?.toString(), await (await s.get('/manifest.csv')).text());
  });

  test('is described by HEAD', async () => {
    await using s = await ended();
    const length = (await zipOf(s)).length;
    const response = await s.get('/manifest.zip', { method: 'HEAD' });
    assert.equal(response.headers.get('content-length'), String(length));
  });

  test('of a task without a video has the manifest alone', async () => {
    await using s = await savedVideos({ combinations: 1 });
    await s.report(1, FAILED);
    await s.end();
    assert.equal(unzip(await zipOf(s)).size, 2);
  });

  test('does not begin if a video is gone', async () => {
    await using s = await ended();
    await rm(s.pathOf(3));
    const { status, code, detail } = await codeOf(await s.get('/manifest.zip'));
    assert.deepEqual([status, code], [410, 'video_gone']);
    assert.match(String(detail), new RegExp(`${s.nameOf(3)} in the output folder`));
    assert.doesNotMatch(String(detail), new RegExp(s.nameOf(1)));
  });

  test('does not begin if a video may not be read', async () => {
    await using s = await ended();
    s.outputs.find = async () => {
      throw new PermanentError('output_forbidden', 'save', 'Expected to see it.');
    };
    assert.equal((await codeOf(await s.get('/manifest.zip'))).code, 'output_unreadable');
    s.outputs.find = async () => {
      throw new TransientError('output_busy', 'Expected an answer.');
    };
    assert.equal((await codeOf(await s.get('/manifest.zip'))).code, 'unavailable');
  });

  test('breaks off, and never ends as a whole one, if a video is lost midway', async () => {
    await using s = await ended();
    const { find } = s.outputs;
    s.outputs.find = async (folder, name, ...rest) => {
      const found = await find(folder, name, ...rest);
      return found && { ...found, read: name === s.nameOf(1) ? lost : found.read };
      async function* lost(): AsyncGenerator<Uint8Array> {
        yield randomBytes(1000);
        throw new PermanentError('output_missing', 'save', 'Expected the rest.');
      }
    };
    await assert.rejects(zipOf(s));
    assert.equal(s.logged('answer.broken').length, 1);
  });

  test('breaks off if a video has grown or shrunk', async () => {
    for (const bytes of [199_000, 201_000]) {
      await using s = await ended();
      const { find } = s.outputs;
      s.outputs.find = async (folder, name, ...rest) => {
        const found = await find(folder, name, ...rest);
        return found && name === s.nameOf(1) ? { ...found, bytes } : found;
      };
      await assert.rejects(zipOf(s), String(bytes));
    }
  });

  test('closes its files when the client goes away', async () => {
    await using s = await ended();
    let open = 0;
    const { find } = s.outputs;
    s.outputs.find = async (...args) => {
      const found = await find(...args);
      return found && { ...found, bytes: 2 ** 30, read: endless };
      async function* endless({ signal }: { signal: AbortSignal }): AsyncGenerator<Uint8Array> {
        open += 1;
        signal.addEventListener('abort', () => {
          open -= 1;
        });
        for (;;) yield Buffer.alloc(65_536);
      }
    };
    const socket = connect(Number(new URL(s.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET /tasks/${s.task.id}/manifest.zip HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
    const reaches = async (count: number) => {
      for (const end = Date.now() + 10_000; open !== count; await sleep(10))
        assert.ok(Date.now() < end, `open files: ${open}`);
    };
    await reaches(1);
    socket.destroy();
    await reaches(0);
    assert.deepEqual(s.logged('answer.broken'), []);
  });
});
