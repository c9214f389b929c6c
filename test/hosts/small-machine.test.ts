/** The whole product on a server with one core and 512 MB. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { NODE, startHostProcess } from '../fixtures/hosts/host-process.ts';
import { FILM, makeCounted } from '../fixtures/media/counted-film.ts';
import { makeTrack } from '../fixtures/media/finished.ts';
import { filmFacts } from '../fixtures/media/measure.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { EXHAUSTIVE, unlessTurn, WHOLE_SUITES } from '../fixtures/system/sample.ts';
import { smallMachine } from '../fixtures/system/small-machine.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const MEMORY_MB = 512;
const SIZE = { width: 1280, height: 720 };

test('a task in 720p on one core with 512 MB completes, and has every frame', {
  timeout: 300_000,
  skip: unlessTurn(WHOLE_SUITES, 'the small machine'),
}, async (t) => {
  await using dir = await tempDir();
  await using machine = smallMachine(MEMORY_MB);
  // Frames: long enough to fill the encoder's lookahead and every queue on the way.
  const lengths = EXHAUSTIVE ? [45, 60, 31, 50] : [24, 30, 16, 20];
  const bodies: Record<string, { body: Buffer }> = {};
  for (const [id, frames] of lengths.entries()) {
    const output = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-c:a', 'aac'];
    const grain = 'noise=alls=8:allf=t,format=yuv420p';
    const file = await makeCounted(
      join(dir.path, `${id}.mp4`),
      { ...FILM, ...SIZE, frames, id },
      output,
      grain,
    );
    bodies[`/${id}.mp4`] = { body: await readFile(file) };
  }
  bodies['/song.mp3'] = { body: await readFile(await makeTrack(join(dir.path, 'song.mp3'), 1)) };
  await using server = await startSourceServer(bodies);
  await using host = startHostProcess({ dir: dir.path, command: machine.command(NODE) });
  machine.watch(await host.started());
  const url = (id: number) => server.url(`/${id}.mp4`);
  const id = await host.post({
    task_name: 'small',
    video_blocks: [
      { name: 'hooks', urls: [url(0), url(1)] },
      { name: 'bodies', urls: [url(2), url(3)] },
    ],
    audio_blocks: { music: [server.url('/song.mp3')] },
    text_to_speech: [{ text: 'Hello', voice: 'en' }],
    audio: { original_volume: 0.5 },
    // They could be copied, but the encoder is what takes memory.
    output: { reencode: true },
  });
  const { status, renders } = await host.completed(id);
  assert.equal(status['succeeded'], 4, JSON.stringify(renders.map(({ error }) => error)));
  for (const [at, { file_name }] of renders.entries()) {
    const clips = [Math.floor(at / 2), 2 + (at % 2)];
    const file = join(dir.path, 'output', 'small', file_name);
    const read = await readFilm(file, placeOf(SIZE.width / SIZE.height, SIZE));
    assert.deepEqual(
      read.map((seen) => `${seen.id}/${seen.frame}`),
      clips.flatMap((clip) => Array.from({ length: lengths[clip] ?? 0 }, (_, frame) => `${clip}/${frame}`)),
    );
    const facts = await filmFacts(file);
    assert.deepEqual([facts.even, facts.complaints], [true, '']);
  }
  const peak = machine.peakMb();
  assert.equal(machine.killed(), 0);
  assert.ok(peak > 0 && peak <= MEMORY_MB, `${peak} MB`);
  t.diagnostic(`${machine.how}: at most ${peak} MB, ${status['elapsed_seconds']} s for 4 videos`);
});
