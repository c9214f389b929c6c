import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { RenderView } from '../../functions/model/answers/render.ts';
import { makeContactSheets, shownTiles, type Tile, tilesOf } from '../../infra/report/contact-sheet.ts';
import { layoutFor, linesOf } from '../../infra/report/sheet-layout.ts';
import { distinctNames, inLetters } from '../../infra/report/sheet-names.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

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
    const [sheet = ''] = await makeContactSheets({ ffmpeg, tiles, folder, id: 'ca7494', signal });
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

  test('has small strips for more than eight videos, and further sheets for very many', async () => {
    const red = await video('0001-red.mp4', 'red');
    const blue = { ...(await video('0002-blue.mp4', 'blue')), clips: 1 };
    assert.deepEqual(
      [8, 9, 97].map((videos) => layoutFor(videos).tiles),
      [8, 96, 96],
    );
    const layout = { ...layoutFor(9), tiles: 10 };
    const tiles = Array.from({ length: 12 }, (_, at) => (at === 11 ? blue : red));
    await using dir = await tempDir();
    for (const name of ['ca7494-3', '123456', '123456-3'])
      await writeFile(
        join(dir.path, `contact-sheet-${name}.jpg`),
        'of an earlier run that had more, or of another task',
      );
    const sheets = await makeContactSheets({ ffmpeg, tiles, folder: dir.path, id: 'ca7494', signal, layout });
    assert.deepEqual(
      sheets,
      ['contact-sheet-ca7494.jpg', 'contact-sheet-ca7494-2.jpg'].map((name) => join(dir.path, name)),
    );
    assert.deepEqual(
      (await readdir(dir.path)).sort(),
      ['123456-3', '123456', 'ca7494-2', 'ca7494'].map((name) => `contact-sheet-${name}.jpg`),
    );
    const first = await decoded(sheets[0] as string);
    assert.deepEqual([first.width, first.height], [1904, 408]);
    const { width, height, pixels } = await decoded(sheets[1] as string);
    assert.deepEqual([width, height], [488, 212]);
    const at = (x: number, y: number) => [...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
    assert.ok((at(200, 80)[0] as number) > 200, 'the third frame of the red video');
    assert.ok((at(280, 80)[2] as number) > 200, 'the only frame of the blue one');
    assert.ok((at(360, 80)[2] as number) < 60, 'which has no second');
  });

  test('fails on a file that is not a video, and leaves nothing behind', async () => {
    const path = at('broken.mp4');
    await writeFile(path, 'no video');
    const folder = dirname(path);
    const tile = { path, name: 'broken.mp4', seconds: 3, clips: 3 };
    await assert.rejects(
      makeContactSheets({ ffmpeg, tiles: [tile], folder, id: 'ca7494', signal }),
      /broken\.mp4|Invalid data/,
    );
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('.')),
      [],
    );
  });

  test('shows the videos that succeeded and are on this machine, and of very many an even sample', async () => {
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
    assert.equal(tiles.length, 9);
    assert.deepEqual(tiles[0], { path, name: 'there.mp4', seconds: 7, clips: 2 });
    assert.equal(shownTiles(tiles), tiles);
    const many = Array.from({ length: 1000 }, (_, at) => ({ ...(tiles[0] as Tile), name: `${at}` }));
    assert.deepEqual(
      shownTiles(many, 4).map(({ name }) => name),
      ['0', '250', '500', '750'],
    );
    assert.equal(shownTiles(many).length, 384);
  });

  test('breaks a long name before a hyphen, and keeps its end', () => {
    assert.deepEqual(linesOf('0001-a-b.mp4', 24), ['0001-a-b.mp4']);
    assert.deepEqual(linesOf('0001-hook-1-body-1-cta-1-2c220c.mp4', 24), [
      '0001-hook-1-body-1-cta-1',
      '-2c220c.mp4',
    ]);
    const [first, second] = linesOf(`0001-${'long'.repeat(20)}-2c220c.mp4`, 24);
    assert.equal(first?.length, 24);
    assert.equal(second?.length, 24);
    assert.match(String(second), /^\.\..*-2c220c\.mp4$/);
    assert.deepEqual(linesOf('0002-cat-4_long-7b2d85_9x16.mp4', 16), ['0002-cat-4_long', '-7b2d85_9x16.mp4']);
    assert.deepEqual(linesOf('0002-cat_q_d-4_link-7b2d85_9x16.mp4', 18), [
      '0002-cat_q_d-4_lin',
      'k-7b2d85_9x16.mp4',
    ]);
  });

  test('writes names in the letters of its typeface, and of long ones what tells them apart', () => {
    assert.equal(
      inLetters('Grüße_Ångström_Łódź_smørbrød_Gru\u0308n.mp4'),
      'Grusse_Angstrom_Lodz_smorbrod_Grun.mp4',
    );
    assert.equal(inLetters('日本.mp4'), '__.mp4');
    const names = ['dog', 'cat'].map(
      (hook) => `0001-spring_sale_2026_${hook}_final-body_of_it_all-2c220c.mp4`,
    );
    assert.deepEqual(distinctNames(names, 48), ['0001-..dog..-2c220c.mp4', '0001-..cat..-2c220c.mp4']);
    assert.deepEqual(distinctNames(names, 60), names);
    const odd = ['0001-a-b', '0002-a'];
    assert.deepEqual(distinctNames(odd, 3), odd);
  });
});
