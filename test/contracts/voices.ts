import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createFfmpeg } from '../../functions/media/ffmpeg.ts';
import { decodeSound } from '../../functions/media/track-sound.ts';
import type { Voice } from '../../functions/model/voice.ts';
import type { VoiceCatalog } from '../../functions/ports/voices.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { TIMEOUT_MS } from './harness.ts';

export interface VoicesHarness extends AsyncDisposable {
  catalog: VoiceCatalog;
  /** A voice with a sample, and a part of its name that not all have. */
  voice: { id: string; search: string };
}

const FOREVER = new AbortController().signal;

/** All of them, page by page. */
async function all(catalog: VoiceCatalog, limit: number, search = ''): Promise<Voice[]> {
  const found: Voice[] = [];
  let cursor: string | undefined;
  do {
    const page = await catalog.list({ search, limit, ...(cursor === undefined ? {} : { cursor }) }, FOREVER);
    assert.ok(page !== undefined);
    assert.ok(page.voices.length <= limit);
    found.push(...page.voices);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return found;
}

export function voicesContract(name: string, open: () => Promise<VoicesHarness>): void {
  describe(`${name} shows its voices`, { timeout: TIMEOUT_MS }, () => {
    it('in pages, each voice once', async () => {
      await using harness = await open();
      const whole = await all(harness.catalog, 100);
      const ids = whole.map(({ id }) => id);
      assert.ok(ids.includes(harness.voice.id));
      assert.equal(new Set(ids).size, ids.length);
      assert.deepEqual(await all(harness.catalog, 2), whole);
    });

    it('by a part of a name, in any case', async () => {
      await using harness = await open();
      const { id, search } = harness.voice;
      const whole = await all(harness.catalog, 100);
      for (const part of [search, search.toUpperCase()]) {
        const found = await all(harness.catalog, 100, part);
        assert.ok(found.length < whole.length);
        assert.ok(found.some((voice) => voice.id === id));
      }
      assert.deepEqual(await all(harness.catalog, 100, 'nobody has this name'), []);
    });

    it('and knows a cursor that is not its own', async () => {
      await using harness = await open();
      const page = await harness.catalog.list({ search: '', limit: 1, cursor: 'no cursor ' }, FOREVER);
      assert.equal(page, undefined);
    });

    it('and has a sample that can be played, also for two who ask at once', async () => {
      await using harness = await open();
      const ask = () => harness.catalog.preview(harness.voice.id, FOREVER);
      const [first, second] = await Promise.all([ask(), ask()]);
      assert.ok(first !== undefined);
      assert.deepEqual(second, first);
      await using dir = await tempDir();
      await using ffmpeg = createFfmpeg({ path: FFMPEG });
      const file = join(dir.path, 'sample');
      await writeFile(file, first.audio);
      const sound = { file, out: join(dir.path, 'sound.s16le'), maxSeconds: 60, signal: FOREVER };
      const { samples } = await decodeSound(ffmpeg, sound);
      assert.ok(samples > 48_000 / 2, `${samples} samples`);
      assert.equal(await harness.catalog.preview('', FOREVER), undefined);
    });

    it('and lets a caller leave', async () => {
      await using harness = await open();
      const gone = new Error('gone');
      await assert.rejects(harness.catalog.preview(harness.voice.id, AbortSignal.abort(gone)), gone);
      await assert.doesNotReject(harness.catalog.preview(harness.voice.id, FOREVER));
    });
  });
}
