import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesFor } from '../../functions/hosts/lanes.ts';

const GB = 1024;

for (const [memoryMb, probing, decoding, encoding, mixing] of [
  [1 * GB, [1, 0], [1, 0], [1, 0], [2, 0]],
  [4 * GB, [1, 1], [1, 1], [1, 1], [2, 1]],
  [8 * GB, [2, 1], [1, 1], [1, 1], [2, 1]],
  [24 * GB, [4, 4], [3, 3], [1, 4], [2, 2]],
] as const) {
  test(`${memoryMb / GB} GB of memory have room for so many runs of ffmpeg`, () => {
    const places = placesFor({ threads: 2, mixers: 2, memoryMb, cores: 2 });
    const found = (['probing', 'decoding', 'mixing'] as const).map((kind) => [
      places[kind].places,
      places[kind].slowPlaces,
    ]);
    assert.deepEqual(found, [probing, decoding, mixing]);
    assert.deepEqual([places.encoding.encoders, places.encoding.slowPlaces], encoding);
  });
}
