/** A soundtrack is made once for all videos that share it, and stored. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { TransientError } from '../../functions/base/errors.ts';
import { workingTime } from '../../functions/base/working-time.ts';
import { beginningOf, readSound } from '../../functions/media/mp4/tracks.ts';
import type { ArtifactStore } from '../../functions/ports/artifacts.ts';
import { CHOICES, TOTAL, useSoundtracks } from '../fixtures/media/soundtracks.ts';
import { measureHere } from '../fixtures/telemetry/scrape.ts';

describe('a soundtrack', () => {
  const s = useSoundtracks();
  const { ffmpeg, at, newStore, prepared, sound, another, opened } = s;

  test('is made once for all videos that have the same parts, settings and length', async () => {
    using first = await opened();
    const made = ffmpeg.runs;
    assert.ok(made >= 1, `${made}`);
    using second = await opened();
    assert.deepEqual([second.file, second.loudness, ffmpeg.runs], [first.file, first.loudness, made]);
    assert.deepEqual(s.opens, ['track/one'], 'its parts are opened to be mixed, and only then');
    for (const change of [
      { total: TOTAL + 1600 },
      { music: sound('track/two') },
      { voice: sound('line/one') },
      { choices: { ...CHOICES, loudness: -16 } },
      { choices: { ...CHOICES, musicDb: -3 } },
      { choices: { ...CHOICES, musicFadeOutSeconds: 0.2 } },
    ]) {
      const before = ffmpeg.runs;
      using other = await opened(change);
      assert.ok(ffmpeg.runs > before && other.file !== first.file, JSON.stringify(change));
    }
  });

  test('of nothing is one silence for films of all lengths and settings, which take what they need of it', async () => {
    using first = await opened({ music: undefined });
    const made = ffmpeg.runs;
    const settings = { ...CHOICES, loudness: -20, duck: false };
    using second = await opened({ music: undefined, total: 59 * TOTAL, choices: settings });
    assert.deepEqual([second.file, ffmpeg.runs], [first.file, made]);
    assert.deepEqual([first.isSilence, first.loudness, first.truePeak], [true, null, null]);
    const whole = await readSound(first.file);
    for (const length of [1, 1024, 1025, TOTAL, 59 * TOTAL]) {
      const beginning = beginningOf(whole, length);
      assert.equal(beginning.length, length);
      assert.equal(beginning.sizes.length - beginning.priming, Math.ceil(length / 1024));
    }
    using longer = await opened({ music: undefined, total: 61 * TOTAL });
    assert.equal((await readSound(longer.file)).length, 120 * TOTAL);
  });

  test('of a long film has packets of equal length up to the last one', async () => {
    for (const seconds of [21, 70]) {
      using long = await opened({ total: seconds * TOTAL });
      assert.equal((await readSound(long.file)).length, seconds * TOTAL);
    }
    assert.deepEqual(s.lines, [], 'none was refused');
  });

  test("is not shared if it has the clips' own sound", async () => {
    const own = { clips: [prepared('clip/one')], choices: { ...CHOICES, originalVolume: 0.5 } };
    using first = await opened(own);
    const made = ffmpeg.runs;
    using second = await opened(own);
    assert.equal(ffmpeg.runs, 2 * made);
    assert.notEqual(first.file, second.file);
    assert.ok(first.file.startsWith(at('render-')), first.file);
    await assert.rejects(readdir(s.storeDir), { code: 'ENOENT' });
  });

  test('is shared if no clip is heard, whatever the task says of others', async () => {
    using first = await opened();
    const made = ffmpeg.runs;
    const clips = [prepared('clip/one'), prepared('clip/two')];
    const choices = { ...CHOICES, originalVolume: 0.5 };
    using second = await opened({ clips, choices, ownVolumes: [0, 0], musicVolume: 1 });
    assert.deepEqual([second.file, ffmpeg.runs], [first.file, made]);
    using heard = await opened({ clips, ownVolumes: [0, 0.5] });
    assert.ok(heard.file.startsWith(at('render-')), heard.file);
    using louder = await opened({ musicVolume: 2 });
    assert.notEqual(louder.file, first.file);
    using same = await opened({ choices: { ...CHOICES, musicDb: 6.02 } });
    assert.equal(same.file, louder.file);
  });

  test('is made once in a process by renders that need it at the same time', async () => {
    using only = await opened({ choices: { ...CHOICES, musicDb: -1 } });
    const runs = ffmpeg.runs;
    await using measured = await measureHere();
    const began = performance.now();
    let rested = 0;
    const all = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const { value, seconds } = await workingTime(() => opened());
        rested += (performance.now() - began) / 1000 - seconds;
        return value;
      }),
    );
    assert.equal(ffmpeg.runs, 2 * runs);
    assert.equal(new Set(all.map(({ file }) => file)).size, 1);
    assert.notEqual(all[0]?.file, only.file);
    for (const one of all) one[Symbol.dispose]();
    const wait = { every_cut_stage: 'place_wait', every_cut_kind: 'soundtrack' };
    const read = await measured.read();
    const waits = read.sum('every_cut_stage_duration_seconds_count', wait);
    assert.equal(waits, 3, 'the time of those that waited is told');
    const waited = read.sum('every_cut_stage_duration_seconds_sum', wait);
    assert.ok(
      rested > waited / 2,
      `it is no work of theirs: ${waited} s, of which ${rested} s were left out`,
    );
  });

  test('that two processes make at the same time is the one that was stored first', async () => {
    const [one, other] = await Promise.all([opened(), opened({}, another())]);
    assert.equal(one.file, other.file);
    for (const opened of [one, other]) opened[Symbol.dispose]();
  });

  test('is made by those who wait for it if whoever made it is stopped', async () => {
    const stop = new AbortController();
    const stopped = opened({ signal: stop.signal });
    const waiting = [opened(), opened()];
    const impatient = new AbortController();
    const gone = opened({ signal: impatient.signal });
    while (ffmpeg.runs === 0) await new Promise(setImmediate);
    impatient.abort(new Error('gone'));
    stop.abort(new Error('stopped'));
    await Promise.all([assert.rejects(stopped, /stopped/), assert.rejects(gone, /gone/)]);
    const [one, other] = await Promise.all(waiting);
    assert.equal(one?.file, other?.file);
    assert.deepEqual(await readdir(at('temp')), []);
  });

  test('that cannot be mixed fails for all that wait for it, after one try', async () => {
    const sane = prepared('track/one');
    // No filter takes that gain.
    const broken = { ...sane, key: 'track/none', meta: { ...sane.meta, loudness: NaN } };
    let looked = 0;
    const watched: ArtifactStore = {
      ...s.store,
      async open<M>(key: string) {
        const found = await s.store.open<M>(key);
        looked += 1;
        return found;
      },
    };
    const open = async () => {
      while (looked < 4) await new Promise(setImmediate);
      return broken;
    };
    const from = another(watched);
    const all = await Promise.allSettled(
      [1, 2, 3, 4].map(() => opened({ music: { key: broken.key, open } }, from)),
    );
    assert.deepEqual(
      all.map((one) => (one.status === 'rejected' ? one.reason.code : one.status)),
      Array(4).fill('mix_failed'),
    );
    assert.equal(ffmpeg.runs, 1);
  });

  test('whose parts are not there yet is tried by each that waits', async () => {
    const asked: number[] = [];
    const open = async (): Promise<never> => {
      asked.push(asked.length);
      throw new TransientError('waiting', 'A prepared source is missing, and is made again.');
    };
    const all = await Promise.allSettled([1, 2].map(() => opened({ music: { key: 'track/late', open } })));
    assert.deepEqual(
      all.map((one) => (one.status === 'rejected' ? one.reason.code : one.status)),
      ['waiting', 'waiting'],
    );
    assert.equal(asked.length, 2);
  });

  test('stays while it is used, and is made again once it was evicted', async () => {
    const small = newStore({ maxBytes: 1 });
    const from = another(small);
    const first = await opened({}, from);
    using other = await opened({ choices: { ...CHOICES, musicDb: -3 } }, from);
    assert.ok((await stat(first.file)).size > 0);
    first[Symbol.dispose]();
    using last = await opened({ choices: { ...CHOICES, musicDb: -4 } }, from);
    await assert.rejects(stat(first.file), { code: 'ENOENT' });
    const before = ffmpeg.runs;
    using again = await opened({}, from);
    assert.ok(ffmpeg.runs > before);
    assert.equal(new Set([again, other, last].map(({ file }) => file)).size, 3);
  });

  test('is made again if its file is damaged', async () => {
    const first = await opened();
    first[Symbol.dispose]();
    const bytes = await readFile(first.file);
    await writeFile(first.file, bytes.fill(0, bytes.length >> 1));
    const before = ffmpeg.runs;
    using again = await opened();
    assert.ok(ffmpeg.runs > before);
    assert.ok((await readFile(again.file)).some((value, index) => value !== bytes[index]));
  });
});
