/** Random tasks of clips of one export and others: whichever way it goes, each video shows each frame of its clips. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Random, seededRandom } from '../../functions/model/random.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { FILM, makeCounted } from '../fixtures/media/counted-film.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { sampled } from '../fixtures/system/sample.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const TASKS = 20;
const SEEDS = sampled(
  Array.from({ length: TASKS }, (_, seed) => seed + 1),
  TASKS,
  'mixed joins',
);
const AAC = ['-c:a', 'aac'];
const EXPORT = ['-c:v', 'libx264', '-crf', '18', '-bf', '2', ...AAC];
/** What does not go with the others by itself, and what does. */
const KINDS = {
  export: { output: EXPORT, rate: '30', eligible: true },
  quality: { output: ['-c:v', 'libx264', '-crf', '12', '-bf', '2', ...AAC], rate: '30', eligible: true },
  rate: { output: EXPORT, rate: '25', eligible: false },
  mpeg4: { output: ['-c:v', 'mpeg4', '-q:v', '2', ...AAC], rate: '30', eligible: false },
} as const;
type Kind = keyof typeof KINDS;
const PER_KIND = 3;

describe('tasks of clips of one export and others', () => {
  const files = new Map<string, { kind: Kind; id: number; frames: number }>();
  const cleanup = new AsyncDisposableStack();
  let server: SourceServer;
  let host: TestHost;

  before(async () => {
    const dir = cleanup.use(await tempDir());
    const bodies: Record<string, { body: Buffer }> = {};
    for (const [at, kind] of (Object.keys(KINDS) as Kind[]).entries()) {
      for (let one = 0; one < PER_KIND; one++) {
        const film = { ...FILM, rate: KINDS[kind].rate, frames: 6 + 7 * one, flash: 2, id: 16 * at + one };
        const name = `${kind}${one}.mp4`;
        const file = await makeCounted(join(dir.path, name), film, [...KINDS[kind].output]);
        bodies[`/${name}`] = { body: await readFile(file) };
        files.set(`/${name}`, { kind, id: film.id, frames: film.frames });
      }
    }
    server = cleanup.use(await startSourceServer(bodies));
    host = cleanup.use(await startTestHost(dir.path));
  });
  after(() => cleanup.disposeAsync());

  for (const seed of SEEDS) {
    test(`each video shows each frame of its clips once and in order (${seed})`, async () => {
      const random = seededRandom(seed, 'mixed joins');
      const alike = random() < 0.5;
      const blocks = Array.from({ length: 2 + pick(random, 2) }, () => clips(random, alike));
      const chosen = blocks.flat();
      const { status, renders } = await host.run({
        task_name: `mixed ${seed}`,
        video_blocks: Object.fromEntries(
          blocks.map((block, at) => [`b${at}`, block.map((path) => server.url(path))]),
        ),
        output: { width: FILM.width, height: FILM.height, fps: 30 },
        audio: { original_volume: 1 },
      });
      assert.equal(status['status'], 'completed', JSON.stringify(renders.map(({ error }) => error)));
      const kinds = new Set(chosen.map((path) => files.get(path)?.kind as Kind));
      const [kind] = kinds;
      const expected = kinds.size === 1 && kind !== undefined && KINDS[kind].eligible ? 'copied' : 'encoded';
      assert.equal(status['video'], expected, String(status['video_reason']));
      assert.equal(status['video_reason'] === null, expected === 'copied');
      for (const render of renders) {
        const shown = await readFilm(
          join(host.outputDir, `mixed ${seed}`, render.file_name),
          placeOf(FILM.width / FILM.height, FILM),
        );
        const wanted = render.clips.flatMap((url) => {
          const {
            id,
            frames,
            kind: of,
          } = files.get(new URL(url).pathname) as { id: number; frames: number; kind: Kind };
          return framesShown(frames, KINDS[of].rate).map((frame) => [id, frame]);
        });
        assert.deepEqual(
          shown.map(({ id, frame }) => [id, frame]),
          wanted,
          render.file_name,
        );
      }
    });
  }

  function clips(random: Random, alike: boolean): string[] {
    const names = [...files.keys()];
    const own = alike ? names.filter((name) => name.startsWith('/export')) : names;
    return [
      ...new Set(Array.from({ length: 1 + pick(random, 2) }, () => own[pick(random, own.length)] as string)),
    ];
  }
});

function pick(random: Random, below: number): number {
  return Math.floor(random() * below);
}

/** Which frames a film of that rate shows at 30 a second: the nearest to each moment. */
function framesShown(frames: number, rate: string): number[] {
  if (rate === '30') return Array.from({ length: frames }, (_, at) => at);
  const fps = Number(rate);
  const shown: number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const [from, to] = [Math.round((frame * 30) / fps), Math.round(((frame + 1) * 30) / fps)];
    for (let at = from; at < to; at++) shown.push(frame);
  }
  return shown;
}
