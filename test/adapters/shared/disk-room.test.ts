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
    /** Begins a file of which some has arrived, and is on the disk. */
    const begin = async (name: string, announced: number | undefined, arrived: number) => {
      const reserved = await room.reserve(name, announced);
      for (let bytes = MB; bytes <= arrived; bytes += MB) {
        await reserved.upTo(bytes);
        reserved.written(MB);
        state.free -= MB;
      }
      return reserved;
    };
    return Object.assign(state, { room, begin });
  }

  test('counts what downloads under way have reserved and not yet written', async () => {
    const { room, begin } = disk(2.6 * GB);
    using _first = await begin('first', 1 * GB, 300 * MB);
    using _second = await begin('second', 1 * GB, 300 * MB);
    await assert.rejects(room.reserve('third', 1 * GB), {
      code: 'disk_full',
      message:
        'Expected room on the disk for 1024 MB of third, got 2063 MB free, of which downloads under way need 1448 MB ' +
        'and 512 MB stay free. Next step: free space, or lower CACHE_MAX_MB.',
    });
    using _small = await room.reserve('small', 10 * MB);
  });

  test('is never overcommitted, however many large downloads begin at once', async () => {
    const full = disk(2 * GB);
    const ends = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => full.begin(`file ${n}`, 400 * MB, 400 * MB)),
    );
    const whole = ends.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(whole >= 1 && whole <= 3, `${whole} files have come whole`);
    assert.ok(full.free >= 512 * MB, `${full.free / MB} MB are free`);
  });

  test('is not held by servers that announce much and send little', async () => {
    const full = disk(2 * GB);
    const liars = await Promise.all(
      Array.from({ length: 20 }, (_, n) => full.begin(`liar ${n}`, 1 * GB, MB)),
    );
    using _honest = await full.begin('honest', 1 * GB, 1 * GB);
    for (const one of liars) one[Symbol.dispose]();
  });

  test('is given back by a download that ends early, once', async () => {
    const { room, begin } = disk(2 * GB);
    const first = await begin('first', 1 * GB, 300 * MB);
    await assert.rejects(room.reserve('second', 1 * GB), { code: 'disk_full' });
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    const second = await begin('second', 1 * GB, 300 * MB);
    await assert.rejects(room.reserve('third', 1 * GB), { code: 'disk_full' });
    second[Symbol.dispose]();
  });

  test('is not reserved by a download that has ended meanwhile', async () => {
    const { room, begin } = disk(1 * GB);
    for (let round = 1; round <= 20; round++) {
      const stopped = await begin(`stopped ${round}`, 400 * MB, 0);
      const growing = stopped.upTo(17 * MB);
      stopped[Symbol.dispose]();
      await growing;
    }
    using _next = await room.reserve('next', 512 * MB);
  });

  test('is left for small files where large ones take everything', async () => {
    const { room, begin } = disk(1 * GB);
    using _large = await begin('large', 512 * MB, 300 * MB);
    await assert.rejects(room.reserve('another large one', 17 * MB), { code: 'disk_full' });
    const small = await Promise.all(
      Array.from({ length: 16 }, (_, n) => room.reserve(`small ${n}`, 16 * MB)),
    );
    await assert.rejects(room.reserve('one too many', 16 * MB), { code: 'disk_full' });
    for (const one of small) one[Symbol.dispose]();
  });

  test('grows in steps while a file of unknown size arrives, and is refused when it ends', async () => {
    const full = disk(512 * MB + 40 * MB);
    await assert.rejects(full.begin('growing', undefined, 1 * GB), {
      code: 'disk_full',
      message: /room on the disk for 48 MB of growing, got 520 MB free/,
    });
    assert.ok(full.measured <= 4, `${full.measured} measurements`);
  });

  /** Of which `removable` bytes can be made again. */
  function crowded(free: number, removable: number) {
    const state = { free, asked: [] as number[] };
    const room = createDiskRoom({
      measure: async () => ({ free: state.free, total: TOTAL }),
      async makeRoom(now, all) {
        if (all > removable) return false;
        state.asked.push(now);
        removable -= now;
        state.free += now;
        return true;
      },
    });
    return Object.assign(state, { room });
  }

  test('is made by removing what can be made again, step by step as bytes arrive', async () => {
    const full = crowded(520 * MB, 1 * GB);
    using file = await full.room.reserve('file', 180 * MB);
    assert.deepEqual(full.asked, [8 * MB]);
    for (let bytes = MB; bytes <= 180 * MB; bytes += MB) {
      await file.upTo(bytes);
      file.written(MB);
      full.free -= MB;
    }
    assert.equal(
      full.asked.reduce((sum, bytes) => sum + bytes),
      172 * MB,
    );
    assert.equal(full.free, 512 * MB);
  });

  test('is made for no bytes that are only announced', async () => {
    const full = crowded(600 * MB, 1 * GB);
    const liars = await Promise.all(
      Array.from({ length: 5 }, (_, n) => full.room.reserve(`liar ${n}`, 900 * MB)),
    );
    assert.deepEqual(full.asked, [0, 0, 0, 0, 0]);
    for (const one of liars) one[Symbol.dispose]();
  });

  test('is not made at all for a file that does not fit in any case', async () => {
    const full = crowded(600 * MB, 100 * MB);
    await assert.rejects(full.room.reserve('does not fit', 400 * MB), { code: 'disk_full' });
    assert.deepEqual(full.asked, []);
  });

  test('is not refused where it is unknown', async () => {
    for (const measure of [
      async () => ({ free: 0, total: 0 }),
      () => Promise.reject(new Error('ENOSYS: statfs')),
    ]) {
      const room = createDiskRoom({ measure });
      using reserved = await room.reserve('file', 1 * GB);
      await reserved.upTo(1 * GB);
    }
  });

  test('of a small disk is not all kept free', async () => {
    const { room, begin } = disk(60 * MB, 64 * MB);
    using _file = await begin('file', 40 * MB, 17 * MB);
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
