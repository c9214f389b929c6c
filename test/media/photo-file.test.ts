import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { readPhotoFile } from '../../functions/media/photo-file.ts';
import { exifBlock, jpegWith, pngChunk, pngWith, riffChunk, webpWith } from '../fixtures/media/exif.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffda000000', 'hex');
const PNG = Buffer.concat([
  Buffer.from('89504e470d0a1a0a', 'hex'),
  pngChunk('IHDR', Buffer.alloc(13)),
  pngChunk('IDAT', Buffer.alloc(9)),
  pngChunk('IEND', Buffer.alloc(0)),
]);
const WEBP = riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), riffChunk('VP8 ', Buffer.alloc(31))]));
const SIZE = { width: 320, height: 180 };

describe('readPhotoFile', () => {
  let dir: TempDir;
  before(async () => {
    dir = await tempDir();
  });
  after(async () => dir[Symbol.asyncDispose]());

  async function read(bytes: Buffer) {
    await writeFile(`${dir.path}/photo`, bytes);
    return readPhotoFile(`${dir.path}/photo`);
  }
  const orientationOf = async (bytes: Buffer) => (await read(bytes))?.orientation;

  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`reads EXIF orientation ${orientation} of JPEG, PNG and WebP, in either byte order`, async () => {
      for (const big of [false, true]) {
        const block = exifBlock(orientation, { big });
        assert.deepEqual(
          [
            await read(jpegWith(JPEG, block)),
            await read(pngWith(PNG, block)),
            await read(webpWith(WEBP, block, SIZE)),
          ],
          (['jpeg', 'png', 'webp'] as const).map((kind) => ({ kind, orientation, isAnimated: false })),
        );
      }
    });
  }

  test('finds the block behind the picture, behind fill bytes, with its name repeated, and its tag as a long', async () => {
    const named = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exifBlock(6)]);
    const filled = Buffer.concat([
      JPEG.subarray(0, 2),
      Buffer.alloc(7, 0xff),
      jpegWith(JPEG, exifBlock(6)).subarray(2),
    ]);
    const others = [
      pngWith(PNG, exifBlock(6), { behind: true }),
      filled,
      webpWith(WEBP, named, SIZE),
      pngWith(PNG, named),
      pngWith(PNG, exifBlock(6, { type: 4 })),
    ];
    for (const bytes of others) assert.equal(await orientationOf(bytes), 6);
  });

  test('takes a photo without orientation, or with an impossible one, as upright', async () => {
    for (const bytes of [
      JPEG,
      PNG,
      WEBP,
      pngWith(PNG, exifBlock(0)),
      pngWith(PNG, exifBlock(9)),
      pngWith(PNG, exifBlock(6, { type: 2 })),
    ]) {
      assert.equal(await orientationOf(bytes), 1);
    }
  });

  for (const [what, block] of [
    ['empty', Buffer.alloc(0)],
    ['of noise', Buffer.alloc(60_000, 0x5a)],
    ['with a directory outside', Buffer.from('49492a00ffffffff', 'hex')],
    ['with a directory that overlaps its header', Buffer.from('49492a0000000000ffff', 'hex')],
    [
      'with 65,535 entries',
      Buffer.concat([Buffer.from('49492a0008000000ffff', 'hex'), Buffer.alloc(60_000)]),
    ],
  ] as const) {
    test(`an EXIF block ${what} costs nothing`, async () => {
      assert.equal(await orientationOf(jpegWith(JPEG, block)), 1);
      assert.equal(await orientationOf(pngWith(PNG, block)), 1);
      assert.equal(await orientationOf(webpWith(WEBP, block, SIZE)), 1);
    });
  }

  test('a photo that breaks off anywhere is read as far as it goes', async () => {
    const all = [
      jpegWith(JPEG, exifBlock(6)),
      pngWith(PNG, exifBlock(6)),
      webpWith(WEBP, exifBlock(6), SIZE),
    ];
    for (const bytes of all) {
      for (let end = 0; end < bytes.length; end++) await read(bytes.subarray(0, end));
    }
  });

  test('countless chunks end the search', async () => {
    const empty = pngChunk('tEXt', Buffer.alloc(0));
    const many = Buffer.alloc(60_000 * empty.length, empty);
    assert.equal(
      await orientationOf(
        pngWith(Buffer.concat([PNG.subarray(0, 33), many, PNG.subarray(33)]), exifBlock(6)),
      ),
      6,
    );
    assert.equal(
      await orientationOf(
        pngWith(Buffer.concat([PNG.subarray(0, 33), many, PNG.subarray(33)]), exifBlock(6), { behind: true }),
      ),
      1,
    );
  });

  test('sees that a PNG or WebP is animated', async () => {
    const apng = Buffer.concat([PNG.subarray(0, 33), pngChunk('acTL', Buffer.alloc(8)), PNG.subarray(33)]);
    const webp = riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), riffChunk('ANIM', Buffer.alloc(6))]));
    assert.deepEqual([(await read(apng))?.isAnimated, (await read(webp))?.isAnimated], [true, true]);
    assert.equal((await read(pngWith(apng, exifBlock(6))))?.isAnimated, true);
  });

  test('returns null for any other file', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('GIF89a'), Buffer.from('RIFF\0\0\0\0AVI LIST')]) {
      assert.equal(await read(bytes), null);
    }
  });
});
