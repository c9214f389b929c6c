import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createDiskArtifacts } from '../../../functions/adapters/disk/artifacts.ts';
import { createSqliteAttempts } from '../../../functions/adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../../../functions/adapters/sqlite/leases.ts';
import { openDatabase } from '../../../functions/adapters/sqlite/sqlite.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import { speechSlotKey } from '../../../functions/coordination/lease-keys.ts';
import { leasedSemaphore } from '../../../functions/coordination/once.ts';
import { retryTransient } from '../../../functions/coordination/retry-policy.ts';
import { UNLIMITED } from '../../../functions/coordination/semaphore.ts';
import type { Line } from '../../../functions/model/plan.ts';
import type { Spoken } from '../../../functions/model/speech.ts';
import { createArtifacts } from '../../../functions/pipeline/artifacts.ts';
import { createSpeaking, SPOKEN, type Speaking, TIMING } from '../../../functions/pipeline/speak-line.ts';
import type { ArtifactStore } from '../../../functions/ports/artifacts.ts';
import type { LeaseStore } from '../../../functions/ports/leases.ts';
import type { Speech } from '../../../functions/ports/speech.ts';
import { numbers, TIMEOUT_MS, until } from '../../contracts/harness.ts';
import type { ElevenLabsServerOptions } from '../../fixtures/elevenlabs/server.ts';
import { type SpeechOptions, speakingWith } from '../../fixtures/elevenlabs/speaking-with.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const { signal } = new AbortController();

/** One of the processes that share an account, a database and a store of artifacts. */
interface Instance {
  speech: Speech;
  leases: LeaseStore;
  speaking: Speaking;
}

async function fleet(
  size: number,
  serverOptions: ElevenLabsServerOptions,
  options: SpeechOptions = {},
  storeOf: (store: ArtifactStore) => ArtifactStore = (store) => store,
) {
  await using started = new AsyncDisposableStack();
  const dir = started.use(await tempDir());
  const { server, another } = started.use(await speakingWith(serverOptions, options));
  const database = started.use(openDatabase(join(dir.path, 'leases.sqlite')));
  const instances = numbers(size).map((at): Instance => {
    const leases = createSqliteLeases({ database });
    const disk = createDiskArtifacts({ dir: join(dir.path, 'artifacts'), maxBytes: 2 ** 30, shared: true });
    const artifacts = createArtifacts({
      store: storeOf(disk),
      leases,
      attempts: createSqliteAttempts({ database }),
      tempDir: join(dir.path, `temp-${at}`),
      // Without retries of the store, because they must not decide whether a line is bought again.
      retryMs: 0,
    });
    const speech = another();
    return {
      speech,
      leases,
      speaking: createSpeaking({ speech, artifacts, leases, inTurn: () => UNLIMITED }),
    };
  });
  const running = started.move();
  return { server, instances, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Speaks a line as a stage does: first gets its identity, then its sound. */
async function spoken({ speaking }: Instance, line: Line) {
  const identity = await speaking.identityOf(line, signal);
  using artifact = await speaking.spoken('task', line, identity, { signal, stop: signal });
  return {
    sound: await readFile(artifact.path(SPOKEN)),
    timing: JSON.parse(await readFile(artifact.path(TIMING), 'utf8')) as Spoken['timing'],
  };
}

describe('lines spoken by several processes with one ElevenLabs account', { timeout: TIMEOUT_MS }, () => {
  const speak = ({ speech, leases }: Instance, text: string) =>
    leasedSemaphore(
      leases,
      speechSlotKey,
      () => speech.atOnce,
      signal,
      'speaker',
    )(() => retryTransient(() => speech.speak({ text, voice: 'Sarah' }, signal), { signal }));

  it('stay within the limit of the plan when two processes want 40 lines, so that none is refused', async () => {
    await using running = await fleet(2, { maximum: 5, speakMs: 30 });
    const { server, instances } = running;
    const texts = numbers(40).map((at) => `line ${at}`);
    await Promise.all(texts.map((text, at) => speak(instances[at % 2] as Instance, text)));
    assert.equal(server.peak, 5);
    assert.deepEqual(
      texts.filter((text) => server.sold(text) !== 1),
      [],
    );
    assert.equal(server.asked('speech'), 40);
  });

  it('are all spoken even if others use the account as well', async () => {
    await using running = await fleet(2, { maximum: 5, speakMs: 30 });
    const { server, instances } = running;
    server.others = 3;
    const texts = numbers(20).map((at) => `line ${at}`);
    await Promise.all(texts.map((text, at) => speak(instances[at % 2] as Instance, text)));
    assert.deepEqual(
      texts.filter((text) => server.sold(text) !== 1),
      [],
    );
  });
});

describe('a line bought from ElevenLabs', { timeout: TIMEOUT_MS }, () => {
  const LINES: readonly Line[] = [
    { text: 'Buy it now', voice: 'Sarah' },
    { text: 'Buy it later', voice: 'George' },
  ];

  it('is bought once for many concurrent callers in two processes', async () => {
    await using running = await fleet(2, { maximum: 5, speakMs: 50 });
    const { server, instances } = running;
    const wanted = numbers(20).map((at) =>
      spoken(instances[at % 2] as Instance, LINES[(at >> 1) % 2] as Line),
    );
    const all = await Promise.all(wanted);
    for (const { text } of LINES) assert.equal(server.sold(text), 1);
    assert.equal(new Set(all.map(({ sound }) => sound.toString('base64'))).size, 2);
    const words = all[0]?.timing?.map(({ text }) => text);
    assert.deepEqual(words, ['Buy', 'it', 'now']);
    assert.equal(server.asked('voices'), 4, 'each name, by each process');
  });

  it('is not bought again by a later task, in any process and with the name of the voice in any case', async () => {
    await using running = await fleet(2, {});
    const { server, instances } = running;
    const [first, second] = instances as [Instance, Instance];
    const { sound } = await spoken(first, { text: 'Hello', voice: 'Sarah' });
    const again = await spoken(second, { text: 'Hello', voice: 'sarah - mature, reassuring, confident' });
    assert.deepEqual(again.sound, sound);
    assert.equal(server.sold('Hello'), 1);
  });

  it('is bought again if its answer stalled, and leaves one artifact', async () => {
    await using running = await fleet(2, { maximum: 5 }, { limits: { speakMs: 2_000 } });
    const { server, instances } = running;
    server.script('speech', [{ does: 'stall' }]);
    const line = { text: 'Hello', voice: 'Sarah' };
    const all = await Promise.all(numbers(6).map((at) => spoken(instances[at % 2] as Instance, line)));
    assert.equal(server.sold(line.text), 2);
    assert.equal(new Set(all.map(({ sound }) => sound.toString('base64'))).size, 1);
    await spoken(instances[1] as Instance, line);
    assert.equal(server.sold(line.text), 2);
  });

  it('is received completely and kept even if its task is cancelled meanwhile', async () => {
    await using running = await fleet(2, { speakMs: 200 });
    const { server, instances } = running;
    const [first, second] = instances as [Instance, Instance];
    const line = { text: 'Hello', voice: 'Sarah' };
    const identity = await first.speaking.identityOf(line, signal);
    const task = new AbortController();
    const asked = first.speaking.spoken('task', line, identity, { signal: task.signal, stop: signal });
    const ended = asked.then(
      (artifact) => artifact[Symbol.dispose](),
      () => {},
    );
    await until(() => server.underWay === 1, 'a request under way');
    task.abort(new TransientError('cancelled', 'The task was cancelled.'));
    await Promise.all([spoken(second, line), ended]);
    assert.equal(server.sold(line.text), 1);
  });

  it('is not requested if its task was cancelled before or its host stops', async () => {
    await using running = await fleet(1, { speakMs: 5_000 });
    const { server, instances } = running;
    const [only] = instances as [Instance];
    const line = { text: 'Hello', voice: 'Sarah' };
    const identity = await only.speaking.identityOf(line, signal);
    const cancelled = AbortSignal.abort(new TransientError('cancelled', 'The task was cancelled.'));
    await assert.rejects(only.speaking.spoken('task', line, identity, { signal: cancelled, stop: signal }), {
      code: 'cancelled',
    });
    assert.equal(server.asked('speech'), 0);
    const host = new AbortController();
    const asked = only.speaking.spoken('task', line, identity, { signal: host.signal, stop: host.signal });
    const refused = assert.rejects(asked, /The host stops/);
    await until(() => server.underWay === 1, 'a request under way');
    host.abort(new Error('The host stops'));
    await refused;
    await until(() => server.underWay === 0, 'its end');
  });

  it('is not requested again after its task was cancelled, and its host can still stop the request', async () => {
    await using running = await fleet(1, { speakMs: 5_000 });
    const { server, instances } = running;
    const [only] = instances as [Instance];
    const task = new AbortController();
    const host = new AbortController();
    const signals = { signal: AbortSignal.any([task.signal, host.signal]), stop: host.signal };
    const cancel = new TransientError('cancelled', 'The task was cancelled.');
    const refused = { text: 'Refused', voice: 'Sarah' };
    server.script('speech', [{ does: 'refuse', status: 503, body: { detail: 'busy' } }]);
    const identity = await only.speaking.identityOf(refused, signal);
    const first = assert.rejects(only.speaking.spoken('task', refused, identity, signals));
    await until(() => server.asked('speech') === 1, 'a request');
    task.abort(cancel);
    await first;
    assert.equal(server.asked('speech'), 1);

    const later = new AbortController();
    const again = { signal: AbortSignal.any([later.signal, host.signal]), stop: host.signal };
    const line = { text: 'Hello', voice: 'Sarah' };
    const second = assert.rejects(
      only.speaking.spoken('task', line, await only.speaking.identityOf(line, signal), again),
      /The host stops/,
    );
    await until(() => server.underWay === 1, 'a request under way');
    later.abort(cancel);
    host.abort(new Error('The host stops'));
    await second;
  });

  it('is not bought while many bought lines cannot be stored, each of which is bought once', async () => {
    let isAway = true;
    await using running = await fleet(1, { maximum: 20 }, {}, (store) => ({
      ...store,
      async put(key, dir, meta) {
        if (isAway) throw new TransientError('disk_full', 'The disk is full.');
        return store.put(key, dir, meta);
      },
    }));
    const { server, instances } = running;
    const [only] = instances as [Instance];
    const lines = numbers(140).map((at) => ({ text: `line ${at}`, voice: 'Sarah' }));
    const all = () => Promise.all(lines.map((line) => spoken(only, line).catch((error: unknown) => error)));
    await all();
    const ends = await all();
    assert.ok(ends.some((end) => TransientError.is(end) && end.code === 'waiting'));
    isAway = false;
    await all();
    await all();
    assert.deepEqual(
      lines.filter(({ text }) => server.sold(text) !== 1),
      [],
    );
  });

  it('is bought once however often it cannot be stored', async () => {
    let failures = 4;
    await using running = await fleet(1, {}, {}, (store) => ({
      ...store,
      async put(key, dir, meta) {
        if (failures-- > 0) throw new TransientError('platform_unavailable', 'The bucket is away.');
        return store.put(key, dir, meta);
      },
    }));
    const { server, instances } = running;
    const [only] = instances as [Instance];
    const line = { text: 'Hello', voice: 'Sarah' };
    for (const _ of numbers(4)) await assert.rejects(spoken(only, line), { code: 'platform_unavailable' });
    await spoken(only, line);
    await spoken(only, line);
    assert.equal(server.sold(line.text), 1);
  });

  it('is not requested again once the credits are spent, and earlier lines are kept', async () => {
    await using running = await fleet(1, { credits: 5 });
    const { server, instances } = running;
    const [only] = instances as [Instance];
    await spoken(only, { text: 'Hello', voice: 'Sarah' });
    await assert.rejects(spoken(only, { text: 'World', voice: 'Sarah' }), { code: 'speech_quota' });
    await spoken(only, { text: 'Hello', voice: 'Sarah' });
    assert.deepEqual([server.asked('speech'), server.charged], [2, 5]);
  });
});
