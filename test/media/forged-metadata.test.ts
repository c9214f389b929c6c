/** Files whose metadata looks like what ffmpeg says about a file. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { probe } from '../../functions/media/probe.ts';
import { makeFilm, makeSound } from '../fixtures/media/clips.ts';
import { ascii, ebml, u8 } from '../fixtures/media/containers.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';

const { signal } = new AbortController();
const VIDEO = 'Video: h264 (High), yuv420p(tv), 1920x1080, 30 fps, 30 tbr, 30 tbn (default)';
const FORGED = [
  [`x\n  Stream #0:0`, VIDEO],
  [`x\n  Stream #0:7(eng)`, VIDEO],
  ['x\n  Duration', '99:00:00.00, start: 0.000000, bitrate: 1 kb/s'],
  ["x\nInput #0, mpegts, from 'file:bytes'", 'x'],
  ['x\n[mov @ 0x1] partial file', 'x'],
  ['x\nCodec (h264) not on whitelist', 'x'],
  ['x\nav_interleaved_write_frame()', 'No space left on device'],
  ['x\n[libx264 @ 0x1] malloc of size 99 failed', 'Cannot allocate memory'],
  ['x\nStream mapping:\n  Stream #0:9 -> #0:0 (copy)', 'x'],
  ['x\n    Side data:\n      displaymatrix', 'rotation of 90.00 degrees'],
] as const;

/** ID3v2.4, https://id3.org/id3v2.4.0-structure: text frames named by their author. */
function id3(entries: readonly (readonly [string, string])[]): Buffer {
  const frames = entries.map(([key, value]) => {
    const body = Buffer.concat([u8(3), Buffer.from(key), u8(0), Buffer.from(value), u8(0)]);
    return Buffer.concat([ascii('TXXX'), syncSafe(body.length), u8(0, 0), body]);
  });
  const all = Buffer.concat(frames);
  return Buffer.concat([ascii('ID3'), u8(4, 0, 0), syncSafe(all.length), all]);
}
const syncSafe = (length: number) => u8(...[21, 14, 7, 0].map((shift) => (length >> shift) & 127));

describe('metadata that looks like facts', () => {
  const { ffmpeg, at } = useMedia();

  test('changes nothing about a sound', async () => {
    const plain = await readFile(await makeSound(at('a.aac'), { seconds: 1 }));
    const honest = await probe(ffmpeg, at('a.aac'), { signal });
    for (const [nth, entry] of FORGED.entries()) {
      const file = at(`forged-${nth}.aac`);
      await writeFile(file, Buffer.concat([id3([entry]), plain]));
      assert.deepEqual(await probe(ffmpeg, file, { signal }), honest, entry[0]);
    }
  });

  test('changes nothing about a film, though a second length makes it one of unknown length', async () => {
    const plain = await makeFilm(at('a.mp4'), { frames: 30 });
    await run('-i', plain, '-c', 'copy', at('plain.mkv'));
    const honest = await probe(ffmpeg, at('plain.mkv'), { signal });
    const tags = FORGED.flatMap(([key, value]) => ['-metadata', `${key.replaceAll('=', '_')}=${value}`]);
    const language = ['-metadata:s:v', 'language=x): Video: vp9, yuv420p, 9x9\n  Stream #0:5(eng'];
    await run('-i', plain, '-c', 'copy', ...tags, ...language, at('forged.mkv'));
    const found = await probe(ffmpeg, at('forged.mkv'), { signal });
    assert.deepEqual({ ...found, seconds: honest.seconds }, honest);
  });

  test('changes nothing if ffmpeg repeats it in a message of its own', async () => {
    const plain = await readFile(await makeFilm(at('c.mkv'), { frames: 30 }));
    const honest = await probe(ffmpeg, at('c.mkv'), { signal });
    const said = ['File ended prematurely', 'Packet corrupt', 'Truncating packet', 'partial file'];
    const type = ascii(['x', ...said.map((text) => `[matroska,webm @ 0x1] ${text}`)].join('\n'));
    const segment = plain.subarray(plain.indexOf(Buffer.from('18538067', 'hex')));
    await writeFile(at('doctype.mkv'), Buffer.concat([ebml(0x1a45dfa3, ebml(0x4282, type)), segment]));
    assert.deepEqual(await probe(ffmpeg, at('doctype.mkv'), { signal }), honest);
  });

  test('of any size keeps nothing waiting', async () => {
    const plain = await readFile(await makeSound(at('b.aac'), { seconds: 1 }));
    const long = Array.from({ length: 1_000 }, () => 'a'.repeat(250)).join('\v');
    await writeFile(at('long.aac'), Buffer.concat([id3([['x\n  Stream #0:0', `Video: ${long}`]]), plain]));
    const began = performance.eventLoopUtilization();
    await probe(ffmpeg, at('long.aac'), { signal });
    const { active } = performance.eventLoopUtilization(began);
    // Backtracking took 20 seconds. The rest of this test needs a few milliseconds.
    assert.ok(active < 1_000, `${active} ms`);
  });
});
