/** Tasks that use parts of clips, from the request to the finished videos. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { FILM, makeCounted } from '../fixtures/media/counted-film.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

/** A key frame at every tenth frame. */
const OUTPUT = '-c:v libx264 -crf 12 -bf 0 -x264-params keyint=10:min-keyint=10:scenecut=0 -c:a aac'.split(
  ' ',
);

describe('a task of parts of one file', () => {
  const cleanup = new AsyncDisposableStack();
  let server: SourceServer;
  let host: TestHost;

  before(async () => {
    const dir = cleanup.use(await tempDir());
    const file = await makeCounted(join(dir.path, 'a.mp4'), { ...FILM, frames: 60, flash: 2 }, OUTPUT);
    server = cleanup.use(await startSourceServer({ '/a.mp4': { body: await readFile(file) } }));
    host = cleanup.use(await startTestHost(dir.path));
  });
  after(() => cleanup.disposeAsync());

  async function frames(name: string, parts: readonly object[]): Promise<[way: unknown, shown: number[]]> {
    const url = server.url('/a.mp4');
    const blocks = parts.map((part, number) => ({ name: `${number}`, urls: [{ url, ...part }] }));
    const { status, renders } = await host.run({ task_name: name, video_blocks: blocks });
    const [render] = renders;
    assert.equal(status['status'], 'completed', JSON.stringify(render));
    const film = await readFilm(
      join(host.outputDir, name, String(render?.file_name)),
      placeOf(FILM.width / FILM.height, FILM),
    );
    return [status['video'], film.map(({ frame }) => frame)];
  }
  const from = (first: number, end: number) => Array.from({ length: end - first }, (_, at) => first + at);

  test('is copied if all begin at key frames, and downloaded once', async () => {
    const [way, shown] = await frames('keys', [
      { start_seconds: 1, end_seconds: 1.5, name: 'Hook v1.2' },
      { end_seconds: 0.3, volume: 1 },
      { start_seconds: 1.667 },
    ]);
    assert.deepEqual(shown, [...from(30, 45), ...from(0, 9), ...from(50, 60)]);
    assert.equal(way, 'copied');
    assert.equal(server.count('/a.mp4'), 1);
  });

  test('is encoded otherwise, with the same frames', async () => {
    const [way, shown] = await frames('between', [
      { start_seconds: 0.5, end_seconds: 1 },
      { end_seconds: 0.3 },
    ]);
    assert.deepEqual(shown, [...from(15, 30), ...from(0, 9)]);
    assert.equal(way, 'encoded');
  });
});
