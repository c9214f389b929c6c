import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { repeatedFrames } from '../../functions/media/avi-frames.ts';
import { ascii, avi, riff, zeros } from '../fixtures/media/containers.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const film = (...sizes: number[]) => avi({ codec: 'MJPG', width: 64, height: 64 }, sizes.map(zeros));
/** A further list of a large AVI. */
const further = (...sizes: number[]) =>
  riff('RIFF', ascii('AVIX'), riff('LIST', ascii('movi'), ...sizes.map((size) => riff('00dc', zeros(size)))));
/** A frame, one without bytes, and something else behind it among the frames. */
const among = (bytes: Buffer) => {
  const list = riff('LIST', ascii('movi'), riff('00dc', zeros(8)), riff('00dc'), bytes);
  return riff('RIFF', ascii('AVI '), list);
};
const sound = riff('RIFF', ascii('AVIX'), riff('LIST', ascii('movi'), riff('01wb', zeros(50)), riff('01wb')));

describe('frames without bytes at the end of an AVI', () => {
  for (const [what, bytes, count] of [
    ['are counted', film(9, 0, 10, 0, 0), 2],
    ['are none if the last frame has bytes', film(9, 0, 0, 10), 0],
    ['are counted in several lists', Buffer.concat([film(9, 0), further(0, 0)]), 3],
    ['end with a further list', Buffer.concat([film(9, 0), further(0, 7)]), 0],
    ['are counted before the sound', Buffer.concat([film(9, 0, 0), sound]), 2],
    ['are none where the frames behind something else are unknown', among(zeros(9)), 0],
    ['are counted whatever follows the last list', Buffer.concat([film(9, 0), zeros(512)]), 1],
    ['are none in another file', ascii('hello, this is a text'), 0],
    ['are none in nothing', zeros(0), 0],
  ] as const) {
    test(what, async () => {
      await using dir = await tempDir();
      await writeFile(join(dir.path, 'a.avi'), bytes);
      assert.equal(await repeatedFrames(join(dir.path, 'a.avi'), 0), count);
    });
  }
});
