import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import type { Semaphore } from '../../functions/coordination/semaphore.ts';
import type { Ffmpeg } from '../../functions/media/ffmpeg.ts';
import { FfmpegError } from '../../functions/media/ffmpeg-error.ts';
import { makePlan } from '../../functions/model/make-plan.ts';
import type { Prepared } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import type { Artifacts } from '../../functions/pipeline/artifacts.ts';
import { createSources, type SourcesDeps } from '../../functions/pipeline/prepare-source.ts';
import type { Artifact } from '../../functions/ports/artifacts.ts';
import { DELIVERY } from '../fixtures/hosts/stages.ts';
import { PLAIN_OUTPUT, PLAIN_SOUND } from '../fixtures/media/plain-choices.ts';
import { probedSound } from '../fixtures/media/probed-sound.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const plan = makePlan({
  blocks: [{ name: 'block', clips: [addressOf('https://example.com/clip.mp4')] }],
  tracks: [addressOf('https://example.com/music.mp3')],
  lines: [],
  output: PLAIN_OUTPUT,
  sound: { ...PLAIN_SOUND, originalVolume: 1 },
  seed: 1,
});
const TASK = { id: 'task', plan } as unknown as Task;
const PREPARED = { frames: 1, samples: 1, seconds: 1, loudness: null } as Prepared;
const KINDS = [
  ['clip', 0],
  ['track', 1],
] as const;

const TIMED_OUT = {
  exitCode: null,
  signal: null,
  exceeded: 'time',
  stderr: '',
  shortMessage: 'too slow',
} as const;

interface Watched {
  made?: boolean;
  /** Whether decoding a sound takes too long. */
  slow?: boolean;
  bytesOf?: () => Promise<never>;
}

/** Sources whose bytes and room are watched. Nothing is stored, unless `made`. */
function watched({ made = false, slow = false, bytesOf }: Watched = {}) {
  const seen: string[] = [];
  const keys: string[] = [];
  const artifact = (name: string): Artifact<never> => ({
    key: name,
    meta: PREPARED as never,
    bytes: 0,
    files: [],
    path: (file) => `/nowhere/${file}`,
    [Symbol.dispose]: () => void seen.push(`${name} disposed of`),
  });
  const room: Semaphore = async (work) => {
    seen.push('room');
    return work(() => {});
  };
  const artifacts: Artifacts = {
    open: async () => (made ? artifact('artifact') : undefined),
    look: async () => (made ? artifact('artifact') : undefined),
    make: async () => artifact('artifact'),
    madeElsewhere: async () => (made ? artifact('artifact') : undefined),
    getOrCreate: (key, make, { semaphore, signal }) =>
      (semaphore as Semaphore)(async () => {
        keys.push(key);
        await make('/nowhere', signal);
        return artifact('artifact');
      }),
    getOrCreateAll: (made, make, { semaphore, signal }) =>
      (semaphore as Semaphore)(async () => {
        keys.push(...made);
        await make(new Map(made.map((_, place) => [place, '/nowhere'])), signal, '/nowhere');
        return made.map(() => artifact('artifact'));
      }),
  };
  const sources = createSources({
    artifacts,
    pins: { read: async () => [undefined], write: async (_task: string, _name: string, pin: unknown) => pin },
    fetching: {
      fetchOnce: async () => ({
        content: 'abc',
        bytes: 1,
        probe: { seconds: 1, video: probedVideo(), audio: probedSound() },
      }),
      async bytesOf() {
        seen.push('bytes');
        return bytesOf === undefined ? artifact('bytes') : bytesOf();
      },
    },
    joins: {
      watched: (_task: Task, _number: number, fetch: () => Promise<unknown>) => fetch(),
      joinOf: async () => ({ video: 'encoded', reason: null, by: 0 }),
    },
    ffmpeg: {
      version: async () => 'build',
      run: async (args: readonly string[]) => {
        if (slow && args.includes('[sound]')) throw new FfmpegError(TIMED_OUT);
        throw new PermanentError('conform_failed', 'conform', 'The test makes nothing.');
      },
    } as Partial<Ffmpeg> as Ffmpeg,
    encoding: () => ({ room: () => room, threads: 1, [Symbol.dispose]() {} }),
    decoding: () => room,
    maxClipSeconds: 60,
    encodeLimitMs: 1_000,
  } as unknown as SourcesDeps);
  return {
    seen,
    keys,
    ready: (number: number, task = TASK) =>
      sources.ready(task, number, { ...DELIVERY, stop: DELIVERY.signal }),
  };
}

describe('preparing a source', () => {
  test('is shared by all sources that differ in nothing but their names and volumes', async () => {
    const one = addressOf('https://example.com/clip.mp4');
    const part = { ...one, trim: { startSeconds: 0.5 } };
    const parts = makePlan({
      blocks: [
        {
          name: 'block',
          clips: [one, { ...one, name: 'other' }, { ...one, volume: 0.5 }, { ...one, volume: 0 }, part],
        },
      ],
      tracks: [],
      lines: [],
      output: PLAIN_OUTPUT,
      sound: { ...PLAIN_SOUND, originalVolume: 1 },
      seed: 1,
    });
    const { keys, ready } = watched();
    const task = { id: 'task', plan: parts } as unknown as Task;
    for (const number of parts.sources.keys()) await assert.rejects(ready(number, task), PermanentError);
    const [plain, named, quieter, silent, cut] = keys;
    assert.deepEqual([named, quieter], [plain, plain]);
    assert.equal(new Set([plain, silent, cut]).size, 3);
  });

  for (const [kind, number] of KINDS) {
    test(`holds no room while the bytes of a ${kind} are downloaded again`, async () => {
      const changed = new PermanentError('source_changed', 'download', 'The test ends here.');
      const { seen, ready } = watched({ bytesOf: () => Promise.reject(changed) });
      await assert.rejects(ready(number), changed);
      assert.deepEqual(seen, ['bytes']);
    });

    test(`gives the bytes of a ${kind} back also when the work fails`, async () => {
      const { seen, ready } = watched();
      await assert.rejects(ready(number), PermanentError);
      assert.deepEqual(seen, ['bytes', 'room', 'bytes disposed of']);
    });

    test(`needs no bytes of a ${kind} that is prepared already`, async () => {
      const { seen, ready } = watched({ made: true });
      assert.equal((await ready(number))?.artifact, 'artifact');
      assert.deepEqual(seen, ['artifact disposed of']);
    });
  }

  test('keeps a clip whose sound took too long for this task alone', async () => {
    const slow = watched({ slow: true });
    await assert.rejects(slow.ready(0), { message: 'The test makes nothing.' });
    await assert.rejects(slow.ready(0, { ...TASK, id: 'another' }), PermanentError);
    const [first, silent, again, other] = slow.keys;
    const ordinary = watched();
    await assert.rejects(ordinary.ready(0), PermanentError);
    assert.deepEqual([first, again], [ordinary.keys[0], ordinary.keys[0]]);
    assert.equal(new Set([first, silent, other]).size, 3);
  });
});
