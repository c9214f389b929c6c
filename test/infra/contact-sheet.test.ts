import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { RenderView } from '../../functions/model/answers/render.ts';
import { linesOf, makeContactSheet, type Tile, tilesOf } from '../../infra/demo/contact-sheet.ts';
import { useMedia } from '../fixtures/media/media.ts';

const LIMITS = { timeoutMs: 60_000, memoryMb: 512, fileMb: 64 };
const signal = new AbortController().signal;

describe('the contact sheet', () => {
  const { ffmpeg, at } = useMedia();

  async function video(name: string, colour: string): Promise<Tile> {
    const path = at(name);
    const source = `color=${colour}:s=90x160:r=30:d=3`;
    await ffmpeg.run(['-v', 'error', '-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-y', path], {
      signal,
      ...LIMITS,
    });
    return { path, name, seconds: 3, clips: 3 };
  }

  async function decoded(file: string): Promise<{ width: number; height: number; pixels: Buffer }> {
    const raw = at('decoded.rgb');
    const { stderr } = await ffmpeg.run(
      ['-v', 'info', '-i', file, '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-y', raw],
      { signal, ...LIMITS },
    );
    const [, width, height] = /Video: mjpeg.*?(\d{2,5})x(\d{2,5})/.exec(stderr) ?? [];
    return { width: Number(width), height: Number(height), pixels: await readFile(raw) };
  }

  test('is a JPEG with a strip of frames for each video, four in a row', async () => {
    const colours = ['red', 'lime', 'blue', 'white', 'yellow'];
    const tiles = await Promise.all(colours.map((colour, n) => video(`000${n + 1}-${colour}.mp4`, colour)));
    const folder = dirname(at('sheet'));
    const sheet = await makeContactSheet({ ffmpeg, tiles, folder, signal });
    const { width, height, pixels } = await decoded(sheet);
    assert.deepEqual([width, height], [1892, 756]);
    const colourAt = (x: number, y: number) =>
      [...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)].map((value) => value > 128);
    // The middle of each of the three frames of each strip.
    for (const x of [100, 247, 394]) {
      assert.deepEqual(colourAt(x, 156), [true, false, false], 'red');
      assert.deepEqual(colourAt(x + 466, 156), [false, true, false], 'lime');
      assert.deepEqual(colourAt(x + 3 * 466, 156), [true, true, true], 'white');
      assert.deepEqual(colourAt(x, 156 + 364), [true, true, false], 'yellow');
    }
    const left = (await readdir(folder)).filter((name) => name.startsWith('.'));
    assert.deepEqual(left, [], 'no unfinished file is left behind');
  });

  test('fails on a file that is not a video, and leaves nothing behind', async () => {
    const path = at('broken.mp4');
    await writeFile(path, 'no video');
    const folder = dirname(path);
    const tile = { path, name: 'broken.mp4', seconds: 3, clips: 3 };
    await assert.rejects(
      makeContactSheet({ ffmpeg, tiles: [tile], folder, signal }),
      /broken\.mp4|Invalid data/,
    );
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('.')),
      [],
    );
  });

  test('shows the videos that succeeded and are on this machine, eight at most', async () => {
    const path = at('there.mp4');
    await writeFile(path, '');
    const url = pathToFileURL(path).href;
    const render = {
      status: 'succeeded',
      url,
      file_name: 'there.mp4',
      duration_seconds: 7,
      clips: ['a', 'b'],
    };
    const renders = [
      { ...render, status: 'failed', url: null },
      { ...render, url: 'https://drive.google.com/file/d/1/view' },
      { ...render, url: pathToFileURL(at('gone.mp4')).href },
      ...Array.from({ length: 9 }, () => render),
    ] as RenderView[];
    const tiles = tilesOf(renders);
    assert.equal(tiles.length, 8);
    assert.deepEqual(tiles[0], { path, name: 'there.mp4', seconds: 7, clips: 2 });
  });

  test('breaks a long name before a hyphen, and keeps its end', () => {
    assert.deepEqual(linesOf('0001-a-b.mp4'), ['0001-a-b.mp4']);
    assert.deepEqual(linesOf('0001-hook-1-body-1-cta-1-2c220c.mp4'), [
      '0001-hook-1-body-1-cta-1',
      '-2c220c.mp4',
    ]);
    const [first, second] = linesOf(`0001-${'long'.repeat(20)}-2c220c.mp4`);
    assert.equal(first?.length, 24);
    assert.equal(second?.length, 24);
    assert.match(String(second), /^\.\..*-2c220c\.mp4$/);
    assert.deepEqual(linesOf('Grüße.mp4'), ['Gr__e.mp4']);
  });
});
