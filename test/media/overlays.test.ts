/** Pictures over clips, by the pixels of the encoded clip. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { BurnedOverlay } from '../../functions/media/burn-graph.ts';
import { conformClip } from '../../functions/media/conform.ts';
import type { Ffmpeg } from '../../functions/media/ffmpeg.ts';
import { readPicture } from '../../functions/media/mp4/tracks.ts';
import { makeOverlayImage } from '../../functions/media/overlay-image.ts';
import { probe } from '../../functions/media/probe.ts';
import { exifBlock, jpegWith } from '../fixtures/media/exif.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';

const { signal } = new AbortController();
const { ffmpeg, at } = useMedia();
const [WIDTH, HEIGHT, FRAMES] = [270, 480, 10];
const PROFILE = plainProfile(WIDTH, HEIGHT, { num: 10, den: 1 });
const PLAIN = { position: 'center', width: 40, opacity: 1, from: 0, to: null } as const;
type Rgb = readonly [number, number, number];
const WHITE: Rgb = [255, 255, 255];
const RED: Rgb = [255, 0, 0];
let count = 0;

/** A picture from ffmpeg's own sources. */
async function picture(name: string, source: string, ...output: string[]): Promise<string> {
  await run('-f', 'lavfi', '-i', source, '-frames:v', '1', ...output, at(name));
  // As after a download: by its name, ffmpeg would choose a reader that is not allowed.
  await rename(at(name), at(`${name} bytes`));
  return at(`${name} bytes`);
}

async function imageOf(file: string, by: Ffmpeg = ffmpeg): Promise<BurnedOverlay['picture']> {
  const dir = at(`it's [image], ${++count}`);
  await mkdir(dir);
  const probed = await probe(by, file, { signal });
  const size = await makeOverlayImage(by, { file, probe: probed, dir, name: 'picture.png', signal });
  return { file: join(dir, 'picture.png'), key: String(count), ...size };
}

interface Made {
  video: string;
  /** Of a frame, at a share of width and height, or in pixels from there on. */
  pixel(x: number, y: number, frame?: number): Rgb;
}

async function burned(
  clip: string,
  overlays: readonly (Partial<BurnedOverlay> & Pick<BurnedOverlay, 'picture'>)[],
  profile = PROFILE,
): Promise<Made> {
  const dir = at(`made-${++count}`);
  await mkdir(dir);
  await conformClip(ffmpeg, {
    ...{ file: clip, probe: await probe(ffmpeg, clip, { signal }), profile, dir, threads: 1 },
    ...{ maxSeconds: 10, stillSeconds: 1, signal, timeoutMs: 60_000 },
    overlays: overlays.map((overlay) => ({ ...PLAIN, ...overlay })),
  });
  const { width, height } = profile;
  const scale = 'scale=in_color_matrix=bt709:flags=accurate_rnd+full_chroma_int+full_chroma_inp';
  const video = join(dir, 'video.mp4');
  const raw = await run('-i', video, '-vf', `${scale},format=rgb24`, '-f', 'rawvideo', '-');
  const pixel = (x: number, y: number, frame = 0): Rgb => {
    const place = 3 * (frame * width * height + y * width + x);
    return [raw[place], raw[place + 1], raw[place + 2]] as [number, number, number];
  };
  return { video, pixel };
}

/** Brightness and colours of the first frame. */
async function planes(video: string): Promise<[Buffer, Buffer, Buffer]> {
  const raw = await run('-i', video, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-');
  const [whole, quarter] = [WIDTH * HEIGHT, (WIDTH * HEIGHT) / 4];
  return [
    raw.subarray(0, whole),
    raw.subarray(whole, whole + quarter),
    raw.subarray(whole + quarter, whole + 2 * quarter),
  ];
}

function near(found: Rgb, wanted: Rgb, message: string, most = 8): void {
  const isNear = found.every((part, channel) => Math.abs(part - (wanted[channel] as number)) <= most);
  assert.ok(isNear, `${message}: expected ${wanted}, got ${found}`);
}

describe('pictures over clips', () => {
  let clip: string;
  before(async () => {
    clip = at('white.mp4');
    const film = `color=white:s=${WIDTH}x${HEIGHT}:r=10,format=yuv420p`;
    await run(
      '-f',
      'lavfi',
      '-i',
      film,
      '-frames:v',
      String(FRAMES),
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      clip,
    );
  });

  test('keep their colours, place and size, and the header of the film', async () => {
    const red = await imageOf(await picture('red.png', 'color=red:s=64x64,format=rgba'));
    const [made, without] = [
      await burned(clip, [{ picture: red, position: 'top_right' }]),
      await burned(clip, []),
    ];
    // 108 pixels wide, to the right edge of the safe box at 222, from its upper edge at 72 on.
    for (const [x, y] of [
      [116, 74],
      [219, 74],
      [116, 177],
      [219, 177],
    ] as const) {
      near(made.pixel(x, y), RED, `at ${x},${y}`);
    }
    for (const [x, y] of [
      [111, 74],
      [224, 74],
      [116, 69],
      [116, 182],
    ] as const) {
      near(made.pixel(x, y), WHITE, `beside it at ${x},${y}`);
    }
    const headers = await Promise.all([made, without].map(({ video }) => readPicture(video)));
    assert.equal(headers[0]?.entry.toString('hex'), headers[1]?.entry.toString('hex'));
  });

  test('of every colour come through, by their opacity', async () => {
    const colours = ['0x14c83c', '0x2828dc', '0xffffff', '0x000000', '0xd2aa3c'];
    for (const [number, colour] of colours.entries()) {
      const opaque = await imageOf(await picture(`${number}.png`, `color=${colour}:s=64x64,format=rgb24`));
      const rgb = [2, 4, 6].map((from) => Number.parseInt(colour.slice(from, from + 2), 16));
      const opacity = number / colours.length || 1;
      const made = await burned(clip, [{ picture: opaque, opacity }]);
      const mixed = rgb.map((part) => part * opacity + 255 * (1 - opacity));
      near(made.pixel(134, 240), mixed as unknown as Rgb, `${colour} at ${opacity}`);
    }
  });

  test('are shown to the frame, also over a photo, and the last one is on top', async () => {
    const red = await imageOf(await picture('red.png', 'color=red:s=64x64,format=rgba'));
    const blue = await imageOf(await picture('blue.png', 'color=blue:s=64x64,format=rgba'));
    const photo = await picture('white.jpg', 'color=white:s=270x480,format=yuvj420p', '-q:v', '1');
    for (const file of [clip, photo]) {
      const made = await burned(file, [
        { picture: red, from: 0.3, to: 0.8 },
        // Begins between two frames.
        { picture: blue, from: 0.55, to: 99 },
        { picture: red, position: 'top', from: 50 },
      ]);
      const shown = Array.from({ length: FRAMES }, (_, frame) => {
        const [r, g] = made.pixel(134, 240, frame);
        return g > 128 ? 'white' : r > 128 ? 'red' : 'blue';
      });
      const expected = ['white', 'white', 'white', 'red', 'red', 'red', 'blue', 'blue', 'blue', 'blue'];
      assert.deepEqual(shown, expected, file);
      near(made.pixel(134, 80, 9), WHITE, 'one that begins after the end');
    }
  });

  test('have no fringe where they end in transparency', async () => {
    // The transparent part is black, as many programs save it.
    const disc = "geq=r='255*lt(hypot(X-100,Y-100),95)':g=0:b=0:a='255*clip(90-hypot(X-100,Y-100),0,1)'";
    const image = await imageOf(await picture('disc.png', `color=red:s=200x200,format=rgba,${disc}`));
    const made = await burned(clip, [{ picture: image }]);
    const [luma, , red] = await planes(made.video);
    for (let x = 70; x < 200; x += 2) {
      const block = [0, 1, WIDTH, WIDTH + 1].map((place) => luma[240 * WIDTH + x + place] as number);
      const covered = block.reduce((sum, bright) => sum + (235 - bright) / (235 - 63) / 4, 0);
      const expected = 128 + (240 - 128) * covered;
      const found = red[120 * (WIDTH / 2) + x / 2] as number;
      assert.ok(Math.abs(found - expected) < 12, `${x}: ${found} in place of ${expected}, of ${block}`);
    }
    near(made.pixel(134, 240), RED, 'the middle');
    near(made.pixel(82, 188), WHITE, 'a corner');
  });

  test('of all kinds of files are right: palette, gray, black and white, JPEG, WebP, GIF, 16 bits', async () => {
    // An endless source would never get its palette.
    const half = 'color=c=0xc82828:s=64x64:d=0.04,format=rgba,geq=r=200:g=40:b=40:a=255*gte(X\\,32)';
    const [gone, there]: [Rgb, Rgb] = [WHITE, [200, 40, 40]];
    const gray: Rgb = [100, 100, 100];
    const kinds = [
      ['palette.png', `${half},format=rgba,split[a][b];[a]palettegen[p];[b][p]paletteuse`, gone, there],
      ['one.gif', `${half},split[a][b];[a]palettegen[p];[b][p]paletteuse`, gone, there],
      ['lossless.webp', half, gone, there, '-c:v', 'libwebp', '-lossless', '1', '-pix_fmt', 'bgra'],
      ['lossy.webp', half, gone, there, '-c:v', 'libwebp', '-quality', '95', '-pix_fmt', 'yuva420p'],
      ['deep.png', half, gone, there, '-pix_fmt', 'rgba64be'],
      ['gray.png', 'color=c=0x646464:s=64x64,format=gray', gray, gray],
      ['gray.jpg', 'color=c=0x646464:s=64x64,format=gray', gray, gray, '-q:v', '1'],
      ['deep gray.png', 'color=c=0x646464:s=64x64,format=gray16be', gray, gray],
      ['gray-alpha.png', `${half},format=gray,format=ya8`, [87, 87, 87], [87, 87, 87]],
      ['bits.png', 'color=black:s=64x64,format=monow', [0, 0, 0], [0, 0, 0], '-pix_fmt', 'monob'],
      ['photo.jpg', 'color=c=0xc82828:s=64x64,format=yuvj420p', there, there, '-q:v', '1'],
    ] as const;
    for (const [name, source, left, right, ...output] of kinds) {
      const made = await burned(clip, [{ picture: await imageOf(await picture(name, source, ...output)) }]);
      near(made.pixel(100, 240), left, `${name}, left`, 8);
      near(made.pixel(170, 240), right, `${name}, right`, 8);
    }
  });

  test('are turned upright as EXIF says', async () => {
    const source = 'color=black:s=64x32,format=gray,geq=lum=255*gte(X\\,32),format=yuvj420p';
    const plain = await readFile(await picture('wide.jpg', source, '-q:v', '1'));
    await writeFile(at('turned.jpg'), jpegWith(plain, exifBlock(6)));
    const image = await imageOf(at('turned.jpg'));
    assert.deepEqual([image.width, image.height], [32, 64]);
    const made = await burned(clip, [{ picture: image }]);
    near(made.pixel(134, 160), [0, 0, 0], 'above');
    near(made.pixel(134, 320), WHITE, 'below');
  });

  test('of one pixel, of a line and of 48 million pixels are shown', async () => {
    const dot = await imageOf(await picture('dot.png', 'color=red:s=1x1,format=rgba'));
    const line = await imageOf(await picture('line.png', 'color=red:s=1x3000,format=rgba'));
    assert.deepEqual([line.width, line.height], [1, 2160]);
    const jpeg = ['-c:v', 'mjpeg', '-q:v', '2'];
    const large = await picture('large.jpg', 'color=red:s=8064x6048,format=yuvj420p', ...jpeg);
    const small: Ffmpeg = {
      ...ffmpeg,
      run: (args, options) => ffmpeg.run(args, { ...options, memoryMb: Math.min(options.memoryMb, 384) }),
    };
    const photo = await imageOf(large, small);
    assert.deepEqual([photo.width, photo.height], [2160, 1620]);
    const made = await burned(clip, [
      { picture: dot, position: 'top', width: 10 },
      { picture: photo },
      { picture: line, position: 'left', width: 10 },
    ]);
    near(made.pixel(134, 80), RED, 'the dot');
    near(made.pixel(134, 240), RED, 'the photo');
    near(made.pixel(31, 240), RED, 'the line', 60);
  });

  test('stay when a clip changes its size half-way', async () => {
    const parts = [];
    for (const size of ['270x480', '180x320']) {
      const part = at(`${size}.ts`);
      const source = `color=white:s=${size}:r=10,format=yuv420p`;
      await run('-f', 'lavfi', '-i', source, '-frames:v', '5', '-c:v', 'mpeg2video', '-f', 'mpegts', part);
      parts.push(await readFile(part));
    }
    await writeFile(at('changing.ts'), Buffer.concat(parts));
    const red = await imageOf(await picture('red.png', 'color=red:s=64x64,format=rgba'));
    const made = await burned(at('changing.ts'), [{ picture: red }]);
    for (const frame of [0, 4, 6, 8]) near(made.pixel(134, 240, frame), RED, `frame ${frame}`);
  });
});

describe('a file for an overlay', () => {
  for (const [name, make, message] of [
    [
      'film.mp4',
      (file: string) => run('-f', 'lavfi', '-i', 'color=red:s=64x64:r=10:d=0.5', '-pix_fmt', 'yuv420p', file),
      'Expected a still picture for an overlay, got a film of 0.5 s. Send it as PNG, JPEG or WebP.',
    ],
    [
      'moving.gif',
      (file: string) => run('-f', 'lavfi', '-i', 'testsrc=s=64x64:r=10:d=0.5', file),
      'Expected a still picture for an overlay, got an animation of 0.5 s. Send it as PNG, JPEG or WebP.',
    ],
    [
      'sound.wav',
      (file: string) => run('-f', 'lavfi', '-i', 'sine=d=0.2', file),
      'Expected a still picture for an overlay, got a file of sound alone. Send it as PNG, JPEG or WebP.',
    ],
  ] as const) {
    test(`that is no still picture is refused: ${name}`, async () => {
      await make(at(name));
      await assert.rejects(imageOf(at(name)), { code: 'image_unusable', message });
    });
  }

  test('as SVG is refused with what to do', async () => {
    await writeFile(at('logo.svg'), '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>');
    await assert.rejects(imageOf(at('logo.svg')), {
      code: 'media_unreadable',
      message: /an SVG\. Export it as PNG\./,
    });
  });
});
