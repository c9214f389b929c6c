import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createDiskArtifacts } from '../../functions/adapters/disk/artifacts.ts';
import { TransientError } from '../../functions/base/errors.ts';
import { createLog } from '../../functions/base/log.ts';
import { beginningOf, readSound } from '../../functions/media/mp4/tracks.ts';
import type { Soundtrack } from '../../functions/media/soundtrack.ts';
import type { Prepared } from '../../functions/model/pins.ts';
import type { SoundChoices } from '../../functions/model/plan.ts';
import { createArtifacts } from '../../functions/pipeline/artifacts.ts';
import { type PreparedArtifact, SOUNDTRACK } from '../../functions/pipeline/check-prepared.ts';
import {
  createSoundtracks,
  type Soundtracks,
  type WantedSound,
  type WantedSoundtrack,
} from '../../functions/pipeline/soundtracks.ts';
import { SOUND } from '../../functions/pipeline/source-artifact.ts';
import type { ArtifactStore } from '../../functions/ports/artifacts.ts';
import type { AttemptStore } from '../../functions/ports/attempts.ts';
import type { LeaseStore } from '../../functions/ports/leases.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { useStages } from '../fixtures/hosts/stages.ts';
import { makePcm } from '../fixtures/media/clips.ts';
import { counting } from '../fixtures/media/counting.ts';
import { makeTrack } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';

const { signal } = new AbortController();
const TOTAL = 48_000;
const CHOICES: SoundChoices = { originalVolume: 0, duck: true, voiceOffsetSeconds: 0, loudness: -14 };
const MAX_BYTES = 100_000_000;

describe('a soundtrack', () => {
  const { ffmpeg: plain, at } = useMedia();
  const ffmpeg = counting(plain);
  let music: WantedSound;
  let opens: string[];
  let store: ArtifactStore;
  let soundtracks: Soundtracks;
  let lines: Json[];
  let count = 0;

  before(async () => {
    await makePcm(at('music.s16le'), 'anoisesrc=c=pink:a=0.3:r=48000:seed=1', 2);
    music = sound('track/one');
  });
  beforeEach(() => {
    lines = [];
    ffmpeg.runs = 0;
    opens = [];
    store = createDiskArtifacts({ dir: at(`store-${++count}`), maxBytes: MAX_BYTES });
    soundtracks = another();
  });

  function prepared(key: string): PreparedArtifact {
    const meta = { frames: 30, samples: 96_000, loudness: -20, warnings: [] };
    return { key, meta, files: [], path: () => at('music.s16le'), [Symbol.dispose]() {} };
  }

  function sound(key: string): WantedSound {
    const open = async () => {
      opens.push(key);
      return prepared(key);
    };
    return { key, open };
  }

  /** Of another process with the same store. */
  function another(on: ArtifactStore = store): Soundtracks {
    const artifacts = createArtifacts({
      ...{ store: on, leases: {} as LeaseStore, attempts: {} as AttemptStore, tempDir: at('temp') },
      retryMs: 1_000,
    });
    const log = createLog({ level: 'debug', pretty: false, write: (line) => lines.push(JSON.parse(line)) });
    return createSoundtracks({ artifacts, ffmpeg, log });
  }

  async function opened(change: Partial<WantedSoundtrack> = {}, from = soundtracks) {
    const dir = at(`render-${++count}`);
    await mkdir(dir);
    const wanted = { total: TOTAL, clips: [], music, voice: undefined, choices: CHOICES, dir, signal };
    return from.open({ ...wanted, ...change });
  }

  test('is made once for all videos that have the same parts, settings and length', async () => {
    using first = await opened();
    const made = ffmpeg.runs;
    assert.ok(made >= 1, `${made}`);
    using second = await opened();
    assert.deepEqual([second.file, second.loudness, ffmpeg.runs], [first.file, first.loudness, made]);
    assert.deepEqual(opens, ['track/one'], 'its parts are opened to be mixed, and only then');
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
    assert.deepEqual(lines, [], 'none was refused');
  });

  test("is not shared if it has the clips' own sound", async () => {
    const own = { clips: [prepared('clip/one')], choices: { ...CHOICES, originalVolume: 0.5 } };
    using first = await opened(own);
    const made = ffmpeg.runs;
    using second = await opened(own);
    assert.equal(ffmpeg.runs, 2 * made);
    assert.notEqual(first.file, second.file);
    assert.ok(first.file.startsWith(at('render-')), first.file);
    await assert.rejects(readdir(at(`store-${count}`)), { code: 'ENOENT' });
  });

  test('is made once in a process by renders that need it at the same time', async () => {
    using only = await opened({ choices: { ...CHOICES, musicDb: -1 } });
    const runs = ffmpeg.runs;
    const all = await Promise.all([1, 2, 3, 4].map(() => opened()));
    assert.equal(ffmpeg.runs, 2 * runs);
    assert.equal(new Set(all.map(({ file }) => file)).size, 1);
    assert.notEqual(all[0]?.file, only.file);
    for (const one of all) one[Symbol.dispose]();
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
      ...store,
      async open<M>(key: string) {
        const found = await store.open<M>(key);
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
    const small = createDiskArtifacts({ dir: at(`store-${++count}`), maxBytes: 1 });
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

  for (const [what, forge] of [
    ['of another length', (wanted: { file: string }) => wanted.file],
    ['that is none', () => at('music.s16le')],
  ] as const) {
    test(`${what} that somebody stored in its place is told, and never used`, async () => {
      const stranger = await opened({ total: TOTAL / 2 });
      stranger[Symbol.dispose]();
      const dir = at(`forged-${++count}`);
      await mkdir(dir);
      await writeFile(join(dir, SOUNDTRACK), await readFile(forge(stranger)));
      const key = await keyOf(() => opened());
      (await store.put(key, dir, { loudness: -14, truePeak: -2, warnings: [] }))[Symbol.dispose]();
      const before = ffmpeg.runs;
      using used = await opened();
      const made = ffmpeg.runs;
      using again = await opened();
      using elsewhere = await opened({}, another());
      assert.deepEqual([again.file, elsewhere.file, ffmpeg.runs], [used.file, used.file, made]);
      assert.ok(made > before && !used.file.includes(key), used.file);
      assert.deepEqual(
        lines.map(({ event }) => event),
        ['soundtrack.refused', 'soundtrack.refused'],
        'once in each process',
      );
    });
  }

  test('with anything but levels and remarks beside it is not used', async () => {
    const good = await opened();
    good[Symbol.dispose]();
    const bytes = await readFile(good.file);
    const key = await keyOf(() => opened());
    for (const meta of [
      { loudness: 'loud', truePeak: -2, warnings: [] },
      { loudness: -14, truePeak: Number.MAX_VALUE, warnings: [] },
      { loudness: -14, truePeak: -2, warnings: ['x'.repeat(10_000)] },
      { loudness: -14, warnings: [] },
    ]) {
      const other = createDiskArtifacts({ dir: at(`store-${++count}`), maxBytes: MAX_BYTES });
      const dir = at(`forged-${++count}`);
      await mkdir(dir);
      await writeFile(join(dir, SOUNDTRACK), bytes);
      (await other.put(key, dir, meta as unknown as Soundtrack))[Symbol.dispose]();
      const before = ffmpeg.runs;
      using used = await opened({}, another(other));
      assert.ok(ffmpeg.runs > before && used.loudness === good.loudness, JSON.stringify(meta));
    }
  });

  test('takes nothing but levels and remarks from what is stored beside it', async () => {
    const good = await opened();
    good[Symbol.dispose]();
    const other = createDiskArtifacts({ dir: at(`store-${++count}`), maxBytes: MAX_BYTES });
    const dir = at(`forged-${++count}`);
    await mkdir(dir);
    await writeFile(join(dir, SOUNDTRACK), await readFile(good.file));
    const meta = { loudness: -14, truePeak: -2, warnings: [], status: 'failed', path: 1 };
    (await other.put(await keyOf(() => opened()), dir, meta))[Symbol.dispose]();
    const before = ffmpeg.runs;
    using used = await opened({}, another(other));
    assert.deepEqual(Object.keys(used).sort(), ['file', 'isSilence', 'loudness', 'truePeak', 'warnings']);
    assert.equal(ffmpeg.runs, before);
  });

  test('is made for one video alone if what replaces a refused one is refused, too', async () => {
    const bytes = await readFile(at('music.s16le'));
    const put: string[] = [];
    const forging: ArtifactStore = {
      ...store,
      async open<M>(key: string) {
        if (!put.includes(key)) {
          put.push(key);
          const dir = at(`forged-${++count}`);
          await mkdir(dir);
          await writeFile(join(dir, SOUNDTRACK), bytes);
          (await store.put(key, dir, { loudness: -14, truePeak: -2, warnings: [] }))[Symbol.dispose]();
        }
        return store.open<M>(key);
      },
    };
    using used = await opened({}, another(forging));
    assert.equal(put.length, 2);
    assert.ok(used.file.startsWith(at('render-')), used.file);
  });

  /** The key under which a soundtrack is looked for. */
  async function keyOf(open: () => Promise<Disposable>): Promise<string> {
    const keys: string[] = [];
    const from = soundtracks;
    const spy: ArtifactStore = {
      ...store,
      open: (key) => {
        keys.push(key);
        return Promise.reject(new Error('seen'));
      },
    };
    soundtracks = another(spy);
    await assert.rejects(open(), /seen/);
    soundtracks = from;
    return keys[0] as string;
  }
});

describe('a render', () => {
  const s = useStages();
  after(() => rm(s.dir.path, { recursive: true, force: true }));

  test('whose soundtrack is there starts no ffmpeg, and needs neither track nor line', async () => {
    s.server.set('/music.wav', { body: await readFile(await makeTrack(join(s.dir.path, 'music.wav'), 3)) });
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4'], tracks: ['/music.wav'] });
    await s.prepareAll(task);
    const ffmpeg = counting(s.deps.ffmpeg);
    const soundtracks = createSoundtracks({ ...s.deps, ffmpeg });
    await s.renderOne(task, 1, { soundtracks });
    const made = ffmpeg.runs;
    assert.ok(made >= 1, JSON.stringify(await s.deps.reports.list(task.id, 1, 1)));
    const track = task.plan.sources.findIndex(({ kind }) => kind === 'track');
    const [pin] = await s.deps.pins.read(task.id, [`prepared-${track}` as const]);
    const artifact = await s.deps.artifacts.open((pin as Prepared).artifact, signal);
    const folder = dirname(artifact?.path(SOUND) as string);
    artifact?.[Symbol.dispose]();
    await rm(folder, { recursive: true });
    await s.renderOne(task, 2, { soundtracks });
    assert.deepEqual(s.logged('source.remade'), []);
    assert.equal(ffmpeg.runs, made);
    const reports = await s.deps.reports.list(task.id, 1, 2);
    assert.deepEqual(
      reports.map(({ status, loudnessLufs }) => [status, loudnessLufs]),
      [1, 2].map(() => ['succeeded', reports[0]?.loudnessLufs]),
    );
  });
});
