import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createDiskRoom, diskSpace, memorySpace } from '../../../functions/adapters/shared/disk-room.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const MB = 2 ** 20;
const GB = 2 ** 30;
/** Of a disk of 4 GB, 256 MB stay free, and twice as much beside files above 16 MB. */
const TOTAL = 4 * GB;

describe('the room on the disk for downloads', () => {
  /** A disk that downloads write to. */
  function disk(free: number, total = TOTAL) {
    const state = { free, measured: 0 };
    const room = createDiskRoom({
      measure: async () => {
        state.measured += 1;
        return { free: state.free, total };
      },
    });
    return Object.assign(state, { room });
  }

  test('counts what other downloads have announced and not yet written', async () => {
    const { room } = disk(2.6 * GB);
    using _first = await room.reserve('first', 1 * GB);
    using _second = await room.reserve('second', 1 * GB);
    await assert.rejects(room.reserve('third', 1 * GB), {
      code: 'disk_full',
      message:
        'Expected room on the disk for 1024 MB of third, got 2663 MB free, of which downloads under way need 2048 MB ' +
        'and 512 MB stay free. Next step: free space, or lower CACHE_MAX_MB.',
    });
  });

  test('counts no byte twice: what is written is no longer reserved', async () => {
    const full = disk(1.6 * GB);
    using first = await full.room.reserve('first', 1 * GB);
    first.written(1 * GB);
    full.free -= 1 * GB;
    using _second = await full.room.reserve('second', 64 * MB);
  });

  test('is given back by a download that ends early, once', async () => {
    const { room } = disk(1.6 * GB);
    const first = await room.reserve('first', 1 * GB);
    await assert.rejects(room.reserve('second', 1 * GB), { code: 'disk_full' });
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    using _second = await room.reserve('second', 1 * GB);
    await assert.rejects(room.reserve('third', 1 * GB), { code: 'disk_full' });
  });

  test('is left for small files where large ones take everything', async () => {
    const { room } = disk(1 * GB);
    using _large = await room.reserve('large', 512 * MB);
    await assert.rejects(room.reserve('another large one', 17 * MB), { code: 'disk_full' });
    const small = await Promise.all(
      Array.from({ length: 16 }, (_, n) => room.reserve(`small ${n}`, 16 * MB)),
    );
    await assert.rejects(room.reserve('one too many', 16 * MB), { code: 'disk_full' });
    for (const one of small) one[Symbol.dispose]();
  });

  test('grows in steps while a file of unknown size arrives, and is refused when it ends', async () => {
    const full = disk(512 * MB + 40 * MB);
    using growing = await full.room.reserve('growing', undefined);
    const arrive = async () => {
      for (let bytes = MB; ; bytes += MB) {
        await growing.upTo(bytes);
        growing.written(MB);
        full.free -= MB;
      }
    };
    await assert.rejects(arrive(), {
      code: 'disk_full',
      message: /room on the disk for 48 MB of growing, got 520 MB free/,
    });
    assert.ok(full.measured <= 4, `${full.measured} measurements`);
  });

  test('is made by removing what can be made again, once, and only as much as is missing', async () => {
    const state = { free: 600 * MB, asked: [] as number[] };
    const room = createDiskRoom({
      measure: async () => ({ free: state.free, total: TOTAL }),
      async makeRoom(bytes) {
        state.asked.push(bytes);
        state.free += 100 * MB;
      },
    });
    using _fits = await room.reserve('fits', 180 * MB);
    assert.deepEqual(state.asked, [92 * MB]);
    await assert.rejects(room.reserve('does not fit', 400 * MB), { code: 'disk_full' });
    assert.deepEqual(state.asked, [92 * MB, 392 * MB]);
  });

  test('of a small disk is not all kept free', async () => {
    const { room } = disk(60 * MB, 64 * MB);
    using _file = await room.reserve('file', 40 * MB);
    await assert.rejects(room.reserve('file', 40 * MB), { code: 'disk_full' });
  });

  test('is measured on the file system of the folder, and by the memory where the disk is memory', async () => {
    await using dir = await tempDir();
    const space = await diskSpace(dir.path);
    assert.ok(space.free > 0 && space.free <= space.total);
    const memory = await memorySpace(dir.path);
    assert.ok(memory.free > 0 && memory.free <= process.availableMemory() + GB);
    assert.ok(memory.total > 0);
  });
});
