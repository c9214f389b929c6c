import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ByteWindow } from '../../../functions/media/byte-window.ts';
import { one, readIndex } from '../../../functions/media/mp4/boxes.ts';
import { sequenceSetOf } from '../../../functions/media/mp4/sequence-set.ts';
import { ffmpeg } from '../../fixtures/media/finished.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

/** The header of the only track. */
async function entryOf(file: string): Promise<Buffer> {
  await using bytes = await ByteWindow.open(file);
  const media = one(one(await readIndex(bytes), 'trak'), 'mdia');
  return one(one(one(media, 'minf'), 'stbl'), 'stsd').subarray(8);
}

test('the header of a picture tells scan, colours and the shape of a pixel, as x264 was told', async () => {
  await using dir = await tempDir();
  for (const [name, output, wanted] of [
    ['plain', ['-pix_fmt', 'yuv420p'], { framesOnly: true, chroma: 1, square: true, profile: 100 }],
    [
      'odd',
      ['-pix_fmt', 'yuv422p', '-flags', '+ilme+ildct', '-vf', 'setsar=4/3'],
      { framesOnly: false, chroma: 2, square: false, profile: 122 },
    ],
    [
      'old',
      ['-pix_fmt', 'yuv420p', '-profile:v', 'baseline'],
      { framesOnly: true, chroma: 1, square: true, profile: 66 },
    ],
  ] as const) {
    const file = join(dir.path, `${name}.mp4`);
    await ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'testsrc=s=64x64:r=25',
      '-frames:v',
      '2',
      '-c:v',
      'libx264',
      ...output,
      file,
    );
    const { framesOnly, chroma, square, profile, width, height } = sequenceSetOf(await entryOf(file));
    assert.deepEqual(
      { framesOnly, chroma, square, profile, width, height },
      { ...wanted, width: 64, height: 64 },
      name,
    );
  }
});
