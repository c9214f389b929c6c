/** Whether brightness, colours and the right way up come through. Pictures are flat, so that one pixel says enough. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import type { Ffmpeg } from '../../functions/media/ffmpeg.ts';
import { readPicture } from '../../functions/media/mp4/tracks.ts';
import { probe } from '../../functions/media/probe.ts';
import { exifBlock, pngWith, riffChunk, webpWith } from '../fixtures/media/exif.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { sampled } from '../fixtures/system/sample.ts';

const { signal } = new AbortController();
const RED = [200, 40, 40];

const { ffmpeg, at } = useMedia();
let count = 0;

/** The first frame of a conformed clip of that size, in this pixel format. */
async function conformed(
  file: string,
  { width, height, format = 'gray' }: { width: number; height: number; format?: string },
) {
  const dir = at(`made-${++count}`);
  await mkdir(dir);
  const profile = plainProfile(width, height);
  const input = {
    file,
    probe: await probe(ffmpeg, file, { signal }),
    profile,
    dir,
    threads: 1,
    maxSeconds: 10,
  };
  await conformClip(ffmpeg, { ...input, stillSeconds: 0.1, signal, timeoutMs: 60_000 });
  const scale = 'scale=in_color_matrix=bt709:flags=accurate_rnd+full_chroma_int+full_chroma_inp';
  const filter = format === 'gray' ? 'extractplanes=y' : `${scale},format=${format}`;
  return run('-i', join(dir, 'video.mp4'), '-vf', filter, '-frames:v', '1', '-f', 'rawvideo', '-');
}

describe('the matrix of an untagged film', () => {
  const to = (matrix: string) => [
    '-vf',
    `scale=out_color_matrix=${matrix}:out_range=tv:flags=accurate_rnd,format=yuv420p`,
  ];

  for (const [name, output] of [
    ['vp8.webm', [...to('bt601'), '-c:v', 'libvpx', '-deadline', 'realtime']],
    ['vp8.mkv', [...to('bt601'), '-c:v', 'libvpx', '-deadline', 'realtime']],
    ['theora.ogv', [...to('bt601'), '-c:v', 'libtheora', '-q:v', '10']],
    ['theora.mkv', [...to('bt601'), '-c:v', 'libtheora', '-q:v', '10']],
    ['mpeg1.mpg', [...to('bt601'), '-c:v', 'mpeg1video', '-q:v', '2']],
    ['h264.mp4', [...to('bt709'), '-c:v', 'libx264']],
    ['vp9.webm', [...to('bt709'), '-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8']],
    // A tag that someone set says how the colours were converted, and browsers follow it.
    [
      'vp8 tagged BT.709.webm',
      [...to('bt709'), '-c:v', 'libvpx', '-deadline', 'realtime', '-colorspace', 'bt709'],
    ],
  ] as const) {
    test(`${name}, 1280 wide: red stays red`, async () => {
      const film = `color=c=0xc82828:s=1280x64:r=25,format=rgb24`;
      await run('-f', 'lavfi', '-i', film, '-frames:v', '3', ...output, at(name));
      const pixels = await conformed(at(name), { width: 320, height: 16, format: 'rgb24' });
      const red = [...pixels.subarray(3 * (8 * 320 + 160)).subarray(0, 3)];
      assert.ok(
        red.every((part, channel) => Math.abs(part - (RED[channel] as number)) <= 4),
        `${red}`,
      );
    });
  }
});

/** Left half and right half of the luma plane. */
async function lumaOf(file: string): Promise<number[]> {
  const luma = await conformed(file, { width: 64, height: 32 });
  return [luma[16 * 64 + 16] as number, luma[16 * 64 + 48] as number];
}

describe('the range of the luma', () => {
  const deep = (bits: number) => [`gray${bits}le`, bits] as const;
  const LUMAS = [
    ['libx265', ['gray', 8], 'tv', true],
    ['libx265', ['gray', 8], 'pc', false],
    ['libx265', deep(10), 'tv', true],
    ['libx265', deep(12), 'tv', true],
    ['libx265', deep(12), 'pc', false],
    ['libx264', ['gray', 8], 'tv', true],
    ['libx264', ['gray', 8], 'pc', false],
    ['libaom-av1', ['gray', 8], 'tv', true],
    ['libaom-av1', ['gray', 8], 'pc', false],
    ['ffv1', deep(16), 'tv', true],
    ['ffv1', deep(16), 'pc', false],
    ['ffv1', ['yuv420p', 8], 'tv', true],
    ['ffv1', ['yuv420p', 8], 'pc', false],
    ['ffv1', ['yuv444p12le', 12], 'pc', false],
    ['mjpeg', ['yuvj420p', 8], 'pc', false],
    ['mjpeg', ['gray', 8], 'pc', false],
    ['png', ['gray', 8], 'pc', false],
    ['png', ['gray16be', 16], 'pc', false],
  ] as const;
  for (const [codec, [format, bits], range, kept] of sampled(LUMAS, 3, 'ranges of luma')) {
    test(`${codec} in ${format} of ${range === 'tv' ? 'limited' : 'full'} range`, async () => {
      const file = at(`${codec}-${format}-${range}.mkv`);
      const frames = ['-f', 'rawvideo', '-pixel_format', format, '-video_size', '64x32', '-i', `${file}.raw`];
      await writeFile(`${file}.raw`, halves(bits, format));
      const fast = codec === 'libaom-av1' ? ['-cpu-used', '8', '-usage', 'realtime', '-crf', '4'] : [];
      const quiet = codec === 'libx265' ? ['-x265-params', 'log-level=none:lossless=1'] : [];
      const options = ['-c:v', codec, '-color_range', range, '-strict', '-1', ...fast, ...quiet];
      await run(...frames, '-frames:v', '1', ...options, file);
      const [dark = 0, bright = 0] = await lumaOf(file);
      const expected = kept ? [16, 235] : [30, 218];
      assert.ok(Math.abs(dark - (expected[0] as number)) <= 1, `${dark}`);
      assert.ok(Math.abs(bright - (expected[1] as number)) <= 1, `${bright}`);
    });
  }
});

/** A raw picture of 64x32 whose luma is 16 on the left and 235 on the right, in so many bits. */
function halves(bits: number, format: string): Buffer {
  const [bytes, big] = [bits > 8 ? 2 : 1, format.endsWith('be')];
  const grey = (value: number, samples: number) => {
    const sample = Buffer.alloc(bytes);
    if (big) sample.writeUIntBE(value * 2 ** (bits - 8), 0, bytes);
    else sample.writeUIntLE(value * 2 ** (bits - 8), 0, bytes);
    return Buffer.alloc(samples * bytes, sample);
  };
  const line = Buffer.concat([grey(16, 32), grey(235, 32)]);
  const chroma = format.includes('420') ? 2 * 32 * 16 : format.includes('444') ? 2 * 64 * 32 : 0;
  return Buffer.concat([...Array.from({ length: 32 }, () => line), grey(128, chroma)]);
}

describe('a photo is shown upright', () => {
  const SIZE = { width: 64, height: 32 };
  /** Where the dark, medium, light and white quarters are: upper left, upper right, lower left, lower right. */
  const QUARTERS = [
    ['DMLW', 1],
    ['MDWL', 2],
    ['WLMD', 3],
    ['LWDM', 4],
    ['DLMW', 5],
    ['LDWM', 6],
    ['WMLD', 7],
    ['MWDL', 8],
  ] as const;
  const picture = [
    '-f',
    'lavfi',
    '-i',
    'color=white:s=64x32,format=gray,geq=lum=30+75*(gte(X\\,32)+2*gte(Y\\,16))',
  ];

  for (const kind of ['png', 'webp'] as const) {
    for (const [wanted, orientation] of sampled(QUARTERS, 4, `orientations of ${kind}`)) {
      test(`${kind} with EXIF orientation ${orientation}`, async () => {
        const plain = at(`plain.${kind}`);
        const codec =
          kind === 'webp'
            ? ['-pix_fmt', 'yuv420p', '-c:v', 'libwebp', '-quality', '95']
            : ['-pix_fmt', 'gray'];
        await run(...picture, '-frames:v', '1', ...codec, plain);
        const bytes = await readFile(plain);
        const block = exifBlock(orientation);
        await writeFile(at('turned'), kind === 'png' ? pngWith(bytes, block) : webpWith(bytes, block, SIZE));
        const { video } = await probe(ffmpeg, at('turned'), { signal });
        const [width, height] = orientation >= 5 ? [32, 64] : [64, 32];
        assert.deepEqual([video?.width, video?.height], [width, height]);
        const luma = await conformed(at('turned'), { width, height });
        const shade = (x: number, y: number) =>
          'DMLW'[
            Math.round(((luma[Math.floor(y * height) * width + Math.floor(x * width)] as number) - 42) / 64)
          ];
        assert.equal(
          [shade(0.25, 0.25), shade(0.75, 0.25), shade(0.25, 0.75), shade(0.75, 0.75)].join(''),
          wanted,
        );
      });
    }
  }
});

test('a photo of 48 million pixels is shown on a machine of 512 MB, and joins other clips', async () => {
  // ffmpeg makes no progressive JPEG, which takes 150 MB more.
  const photo = at('photo');
  const jpeg = ['-frames:v', '1', '-c:v', 'mjpeg', '-q:v', '2', '-f', 'image2pipe', photo];
  await run('-f', 'lavfi', '-i', 'color=c=0xc82828:s=8064x6048:d=0.04,format=yuvj420p', ...jpeg);
  const film = at('film.mp4');
  await run('-f', 'lavfi', '-i', 'color=c=red:s=320x240:d=0.2', film);
  const small: Ffmpeg = {
    ...ffmpeg,
    run: (args, options) => ffmpeg.run(args, { ...options, memoryMb: Math.min(options.memoryMb, 384) }),
  };
  const joined = [];
  for (const [file, name] of [
    [photo, 'photo-made'],
    [film, 'film-made'],
  ] as const) {
    await mkdir(at(name));
    const profile = plainProfile(1920, 1440);
    const input = {
      file,
      probe: await probe(small, file, { signal }),
      profile,
      dir: at(name),
      threads: 1,
      maxSeconds: 10,
    };
    await conformClip(small, { ...input, stillSeconds: 0.1, signal, timeoutMs: 60_000 });
    joined.push((await readPicture(join(input.dir, 'video.mp4'))).entry.toString('hex'));
  }
  assert.equal(joined[0], joined[1]);
});

describe('an animated picture', () => {
  test('as APNG plays, with its own pauses', async () => {
    const frames =
      "color=c=white:s=64x32:r=10:d=0.3,format=gray,geq=lum=60*N+40,setpts='(N+gt(N\\,1)*3)/10/TB'";
    await run('-f', 'lavfi', '-i', frames, '-fps_mode', 'passthrough', '-f', 'apng', at('animated'));
    const { video } = await probe(ffmpeg, at('animated'), { signal });
    assert.deepEqual([video?.still, video?.packets], [false, 3]);
    assert.ok((video?.seconds ?? 0) >= 0.6, `${video?.seconds}`);
    assert.ok((await conformed(at('animated'), { width: 64, height: 32 })).length > 0);
  });

  test('as WebP is refused by name', async () => {
    const chunk = riffChunk('ANIM', Buffer.alloc(6));
    await writeFile(at('animated.webp'), riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), chunk])));
    await assert.rejects(probe(ffmpeg, at('animated.webp'), { signal }), {
      code: 'media_unreadable',
      message: /got: an animated WebP\. Send it as MP4, GIF or APNG\.$/,
    });
  });
});
