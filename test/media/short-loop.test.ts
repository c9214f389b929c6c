import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { layOut } from '../../functions/media/short-loop.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

for (const [samples, laid] of [
  [1, 96_000],
  [7, 96_005],
  [50_000, 100_000],
  [96_000, 96_000],
  [96_001, 96_001],
] as const) {
  test(`a loop of ${samples} samples is laid out to ${laid}, and repeats where it did`, async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'x.s16le');
    const sound = Int32Array.from({ length: samples }, (_, at) => at + 1);
    await writeFile(file, sound);
    assert.equal(await layOut(file, samples), laid);
    const found = new Int32Array(new Uint8Array(await readFile(file)).buffer);
    assert.equal(found.length, laid);
    assert.ok(found.every((value, at) => value === (at % samples) + 1));
  });
}
