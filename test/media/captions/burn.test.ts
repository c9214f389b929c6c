import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type BurnedCaptions, captionFile } from '../../../functions/media/captions/ass.ts';
import { captioned, createBurning, refuseWithoutFilter } from '../../../functions/media/captions/burn.ts';
import { FONTS_DIR } from '../../../functions/media/captions/fonts.ts';
import { type CaptionWord, wordsOf } from '../../../functions/media/captions/words.ts';
import { conformClip } from '../../../functions/media/conform.ts';
import { conformIdentity } from '../../../functions/media/conform-identity.ts';
import { FfmpegError } from '../../../functions/media/ffmpeg-error.ts';
import { readPicture } from '../../../functions/media/mp4/tracks.ts';
import { probe } from '../../../functions/media/probe.ts';
import { safeBox } from '../../../functions/media/safe-box.ts';
import { DEFAULT_CAPTION_STYLE } from '../../../functions/model/captions.ts';
import type { Profile } from '../../../functions/model/pins.ts';
import { ffmpeg as run } from '../../fixtures/media/finished.ts';
import { useMedia } from '../../fixtures/media/media.ts';
import { plainProfile } from '../../fixtures/media/plain-choices.ts';

const { signal } = new AbortController();
const TALL = plainProfile(270, 480);
const SECONDS = 2;
/** Both are in the picture for a second. */
const WORDS: CaptionWord[] = [
  { text: 'Hello', spaced: true, start: 0, end: 1 },
  { text: 'world', spaced: true, start: 1, end: 2 },
];

describe('captions that are burned in', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  /** A gray clip, with or without captions. */
  async function conformed(captions: Partial<BurnedCaptions> | undefined, profile: Profile = TALL) {
    const name = `clip ${++count}, it's [1]`;
    const file = at(`${name}.mp4`);
    const { width, height } = profile;
    await run(
      ...['-f', 'lavfi', '-i', `color=c=gray:s=${width}x${height}:r=30:d=${SECONDS}`],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', file],
    );
    const dir = at(name);
    await mkdir(dir);
    const text =
      captions &&
      captionFile({
        words: WORDS,
        style: DEFAULT_CAPTION_STYLE,
        from: 0,
        seconds: SECONDS,
        width,
        height,
        ...captions,
      });
    const found = await probe(ffmpeg, file, { signal });
    const options = {
      file,
      probe: found,
      profile,
      dir,
      threads: 1,
      maxSeconds: 60,
      signal,
      timeoutMs: 60_000,
    };
    const { frames } = await conformClip(ffmpeg, {
      ...options,
      ...(text !== undefined && { captions: text }),
    });
    return { frames, dir, video: join(dir, 'video.mp4') };
  }

  /** Where a picture is not gray, and the brightest yellow and white in it. */
  async function seen(video: string, second: number, { width, height }: Profile) {
    const pixels = await run(
      ...['-ss', String(second), '-i', video, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
    );
    const box = { left: width, top: height, right: 0, bottom: 0 };
    const yellow: number[] = [];
    const white: number[] = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [r, g, b] = pixels.subarray(3 * (y * width + x), 3 * (y * width + x) + 3) as unknown as [
          number,
          number,
          number,
        ];
        if (Math.max(Math.abs(r - 128), Math.abs(g - 128), Math.abs(b - 128)) < 30) continue;
        box.left = Math.min(box.left, x);
        box.right = Math.max(box.right, x + 1);
        box.top = Math.min(box.top, y);
        box.bottom = Math.max(box.bottom, y + 1);
        if (r > 200 && g > 160 && b < 110) yellow.push(x);
        if (Math.min(r, g, b) > 200) white.push(x);
      }
    }
    const middle = (places: number[]) => places.reduce((sum, x) => sum + x, 0) / places.length;
    return { box, yellow: middle(yellow), white: middle(white) };
  }

  test('leave header and length as they are, so that clips with and without them join', async () => {
    const [plain, burned] = [await conformed(undefined), await conformed({})];
    const [one, other] = [
      await readPicture(plain.video, TALL.rate),
      await readPicture(burned.video, TALL.rate),
    ];
    assert.deepEqual(other.entry, one.entry);
    assert.deepEqual([burned.frames, other.sizes.length], [plain.frames, one.sizes.length]);
    // Nothing else is kept of them.
    assert.deepEqual((await readdir(burned.dir)).toSorted(), ['sound.s16le', 'video.mp4']);
  });

  test('stay within the safe box, with the spoken word in its colour', async () => {
    const { video } = await conformed({});
    const safe = safeBox(TALL);
    for (const [second, isFirst] of [
      [0.5, true],
      [1.5, false],
    ] as const) {
      const { box, yellow, white } = await seen(video, second, TALL);
      assert.ok(box.left >= safe.left && box.right <= safe.right, JSON.stringify(box));
      assert.ok(box.top >= safe.top && box.bottom <= safe.bottom, JSON.stringify(box));
      assert.ok(box.right - box.left > 80, 'large enough to be read');
      assert.equal(yellow < white, isFirst, `${yellow} and ${white}`);
    }
  });

  test('stay within it whatever is said, and how large', async () => {
    const texts = [
      'Rindfleischetikettierungsüberwachung',
      'شحن مجاني اليوم iPhone',
      '今天免费送货立即订购',
      '🚀🔥 WOW',
    ];
    for (const [number, text] of texts.entries()) {
      const { words } = wordsOf({ text, timing: null, seconds: SECONDS });
      const style = { ...DEFAULT_CAPTION_STYLE, size: 8 + 4 * number, wordsPerLine: 6 };
      const { video } = await conformed({ words, style });
      const { box } = await seen(video, 0.3, TALL);
      const safe = safeBox(TALL);
      const within =
        box.left >= safe.left && box.right <= safe.right && box.top >= safe.top && box.bottom <= safe.bottom;
      assert.ok(within && box.right > box.left, `${text}: ${JSON.stringify(box)}`);
    }
  });

  test('are all found in the fonts of this service', async () => {
    const text = 'Café Δωρεάν Бесплатно शुल्क 免费 無料で 무료 ฟรี חינם مجاني 🚀👩‍🚀1️⃣ \\N {b}';
    const { words } = wordsOf({ text, timing: null, seconds: SECONDS });
    const file = at('all.ass');
    const look = { style: DEFAULT_CAPTION_STYLE, from: 0, seconds: SECONDS, width: 270, height: 480 };
    await writeFile(file, captionFile({ words, ...look }) as string);
    const { stderr } = await ffmpeg.run(
      [
        ...['-v', 'verbose', '-f', 'lavfi', '-i', `color=s=270x480:r=10:d=${SECONDS}`],
        ...['-vf', captioned(file).join(','), '-f', 'null', '-'],
      ],
      { signal, timeoutMs: 60_000, memoryMb: 1024, fileMb: 1, reads: [file, FONTS_DIR] },
    );
    assert.match(stderr, /fontselect: \(Montserrat ExtraBold/);
    assert.doesNotMatch(stderr, /not found|failed to find/i);
  });

  test('make another artifact, of the same key for the same words', async () => {
    const found = { video: null, audio: null } as never;
    const identity = (captions?: string) =>
      conformIdentity(TALL, { probe: found, maxSeconds: 60, ...(captions !== undefined && { captions }) });
    assert.deepEqual(identity('a'), identity('a'));
    assert.notDeepEqual(identity('a'), identity('b'));
    assert.equal(identity('a').length, identity().length + 2);
  });
});

describe('a build of ffmpeg', () => {
  const { ffmpeg } = useMedia();

  test('says whether it can burn captions in', async () => {
    assert.equal(await createBurning(ffmpeg)(), true);
    const listing = (stdout: string) => createBurning({ run: async () => ({ stdout, stderr: '' }) })();
    assert.equal(await listing(' TSC scale V->V Scale.\n ... asplit A->N Split.\n'), false);
    assert.equal(await listing(' ... ass               V->V       Render ASS.\n'), true);
    // One that cannot be asked now may be able to.
    assert.equal(await createBurning({ run: () => Promise.reject(new Error('no')) })(), true);
  });

  test('that cannot is not taken for a clip that cannot be encoded', () => {
    const stderr = "[AVFilterGraph] No such filter: 'ass'";
    const error = new FfmpegError({
      exitCode: 8,
      signal: null,
      exceeded: null,
      stderr,
      shortMessage: stderr,
    });
    assert.throws(() => refuseWithoutFilter(error), /filter "ass".*FFMPEG_BIN/s);
    refuseWithoutFilter(new Error('another'));
  });
});
