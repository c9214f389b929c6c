/** A soundtrack that a stranger stored in place of another: the store holds files that others may write. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SOUNDTRACK } from '../../functions/pipeline/check-prepared.ts';
import type { ArtifactStore } from '../../functions/ports/artifacts.ts';
import { TOTAL, useSoundtracks } from '../fixtures/media/soundtracks.ts';

const LEVELS = { loudness: -14, truePeak: -2, warnings: [] };

describe('a soundtrack', () => {
  const s = useSoundtracks();
  const { ffmpeg, at, newStore, another, folder, opened } = s;

  for (const [what, forge] of [
    ['of another length', (wanted: { file: string }) => wanted.file],
    ['that is none', () => at('music.s16le')],
  ] as const) {
    test(`${what} that somebody stored in its place is told, and never used`, async () => {
      const stranger = await opened({ total: TOTAL / 2 });
      stranger[Symbol.dispose]();
      const key = await keyOf();
      await put(s.store, key, await readFile(forge(stranger)));
      const before = ffmpeg.runs;
      using used = await opened();
      const made = ffmpeg.runs;
      using again = await opened();
      using elsewhere = await opened({}, another());
      assert.deepEqual([again.file, elsewhere.file, ffmpeg.runs], [used.file, used.file, made]);
      assert.ok(made > before && !used.file.includes(key), used.file);
      assert.deepEqual(
        s.lines.map(({ event }) => event),
        ['soundtrack.refused', 'soundtrack.refused'],
        'once in each process',
      );
    });
  }

  test('with anything but levels and remarks beside it is not used', async () => {
    const good = await opened();
    good[Symbol.dispose]();
    const bytes = await readFile(good.file);
    const key = await keyOf();
    for (const meta of [
      { loudness: 'loud', truePeak: -2, warnings: [] },
      { loudness: -14, truePeak: Number.MAX_VALUE, warnings: [] },
      { loudness: -14, truePeak: -2, warnings: ['x'.repeat(10_000)] },
      { loudness: -14, warnings: [] },
    ]) {
      const other = newStore();
      await put(other, key, bytes, meta);
      const before = ffmpeg.runs;
      using used = await opened({}, another(other));
      assert.ok(ffmpeg.runs > before && used.loudness === good.loudness, JSON.stringify(meta));
    }
  });

  test('takes nothing but levels and remarks from what is stored beside it', async () => {
    const good = await opened();
    good[Symbol.dispose]();
    const other = newStore();
    await put(other, await keyOf(), await readFile(good.file), { ...LEVELS, status: 'failed', path: 1 });
    const before = ffmpeg.runs;
    using used = await opened({}, another(other));
    assert.deepEqual(Object.keys(used).sort(), ['file', 'isSilence', 'loudness', 'truePeak', 'warnings']);
    assert.equal(ffmpeg.runs, before);
  });

  test('is made for one video alone if what replaces a refused one is refused, too', async () => {
    const bytes = await readFile(at('music.s16le'));
    const forged: string[] = [];
    const forging: ArtifactStore = {
      ...s.store,
      async open<M>(key: string) {
        if (!forged.includes(key)) {
          forged.push(key);
          await put(s.store, key, bytes);
        }
        return s.store.open<M>(key);
      },
    };
    using used = await opened({}, another(forging));
    assert.equal(forged.length, 2);
    assert.ok(used.file.startsWith(at('render-')), used.file);
  });

  async function put(store: ArtifactStore, key: string, bytes: Buffer, meta: object = LEVELS): Promise<void> {
    const dir = await folder('forged');
    await writeFile(join(dir, SOUNDTRACK), bytes);
    (await store.put(key, dir, meta))[Symbol.dispose]();
  }

  /** The key under which a soundtrack is looked for. */
  async function keyOf(): Promise<string> {
    const keys: string[] = [];
    const spy: ArtifactStore = {
      ...s.store,
      open: (key) => {
        keys.push(key);
        return Promise.reject(new Error('seen'));
      },
    };
    await assert.rejects(opened({}, another(spy)), /seen/);
    return keys[0] as string;
  }
});
