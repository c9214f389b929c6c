/** Clips in their blocks, the part of a clip, and the queue of uploads: all that needs no browser. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  addClips,
  clipsOf,
  moveBlock,
  moveClip,
  nextBlockName,
  placeOfClip,
  removeClip,
  TRACKS,
} from '../../functions/web/compose/arrange-clips.ts';
import type { Block, Clip, Upload } from '../../functions/web/compose/draft.ts';
import { afterKey, FRAME, mistakeIn, moved, partOf, trimOf } from '../../functions/web/compose/trim-times.ts';
import { createUploadQueue, MOST_TRIES } from '../../functions/web/compose/upload-queue.ts';
import { until } from '../contracts/harness.ts';

function clip(key: string, changes: Partial<Clip> = {}): Clip {
  const nothing = { seconds: null, poster: null, startSeconds: null, endSeconds: null, volume: null };
  return { key, name: key, source: { kind: 'link', url: `https://a.test/${key}` }, ...nothing, ...changes };
}
const block = (key: string, ...keys: string[]): Block => ({
  key,
  name: key,
  clips: keys.map((one) => clip(one)),
});
const LISTS = { blocks: [block('one', 'a', 'b', 'c'), block('two', 'd')], tracks: [clip('t')] };
const keysOf = (lists: typeof LISTS | ReturnType<typeof moveClip>) =>
  [...lists.blocks.map(({ key }) => key), TRACKS].map((list) =>
    clipsOf(lists, list)
      .map(({ key }) => key)
      .join(''),
  );

describe('clips in their blocks', () => {
  test('are moved before another one, to the end, and into another block or the music', () => {
    assert.deepEqual(keysOf(moveClip(LISTS, 'c', 'one', 0)), ['cab', 'd', 't']);
    assert.deepEqual(keysOf(moveClip(LISTS, 'a', 'one', 2)), ['bac', 'd', 't']);
    assert.deepEqual(keysOf(moveClip(LISTS, 'a', 'one')), ['bca', 'd', 't']);
    assert.deepEqual(keysOf(moveClip(LISTS, 'b', 'two', 0)), ['ac', 'bd', 't']);
    assert.deepEqual(keysOf(moveClip(LISTS, 't', 'two')), ['abc', 'dt', '']);
    for (const at of [1, 2]) assert.equal(moveClip(LISTS, 'b', 'one', at), LISTS);
    assert.equal(moveClip(LISTS, 'gone', 'one', 0), LISTS);
  });

  test('have names of their own in a block', () => {
    const twice = addClips(LISTS, 'two', [clip('x', { name: 'd' }), clip('y', { name: 'd' })]);
    assert.deepEqual(
      clipsOf(twice, 'two').map(({ name }) => name),
      ['d', 'd 2', 'd 3'],
    );
  });

  test('are taken out and found again', () => {
    assert.deepEqual(keysOf(removeClip(LISTS, 'b')), ['ac', 'd', 't']);
    assert.deepEqual([placeOfClip(LISTS, 't')?.list, placeOfClip(LISTS, 'c')?.at], [TRACKS, 2]);
    assert.equal(placeOfClip(LISTS, 'gone'), undefined);
  });

  test('keep their blocks when these move, which go no further than the edge', () => {
    const keys = (by: number, key = 'one') => moveBlock(LISTS.blocks, key, by).map((one) => one.key);
    assert.deepEqual(
      [keys(1), keys(-1), keys(1, 'two')],
      [
        ['two', 'one'],
        ['one', 'two'],
        ['one', 'two'],
      ],
    );
    assert.equal(nextBlockName([...LISTS.blocks, { ...block('x'), name: 'Block 4' }]), 'Block 4 2');
  });
});

describe('the part of a clip', () => {
  test('is left out where it is the whole clip', () => {
    assert.deepEqual(trimOf({ start: 0, end: 8 }, 8), { startSeconds: null, endSeconds: null });
    assert.deepEqual(trimOf({ start: 0.5, end: 7.9994 }, 8), { startSeconds: 0.5, endSeconds: 7.999 });
    assert.deepEqual(trimOf({ start: 0, end: null }, null), { startSeconds: null, endSeconds: null });
    assert.deepEqual(partOf(clip('a', { seconds: 8, startSeconds: 2 })), { start: 2, end: 8 });
  });

  test('keeps at least a frame, within the clip, wherever a handle is pulled', () => {
    assert.deepEqual(moved({ start: 1, end: 2 }, 'start', 9, 8), { start: 1.967, end: 2 });
    assert.deepEqual(moved({ start: 1, end: 2 }, 'end', 0, 8), { start: 1, end: 1.033 });
    assert.deepEqual(moved({ start: 1, end: 2 }, 'end', 9, 8), { start: 1, end: 8 });
    assert.deepEqual(moved({ start: 1, end: null }, 'start', -1, 8), { start: 0, end: null });
  });

  test('is moved by a frame with an arrow, by a second with Shift, and to the edges', () => {
    let time = 0;
    for (let frame = 1; frame <= 60; frame++) {
      time = afterKey('ArrowRight', false, time, 8) as number;
      assert.equal(time, Math.round(frame * FRAME * 1_000) / 1_000);
    }
    assert.deepEqual(
      [
        ['ArrowLeft', true],
        ['End', false],
        ['Home', false],
        ['a', false],
      ].map(([key, shift]) => afterKey(key as string, shift as boolean, 2, 8)),
      [1, 8, 0, undefined],
    );
  });

  test('is told what is wrong with it', () => {
    assert.equal(mistakeIn({ start: 0, end: 8 }, 8), undefined);
    assert.equal(mistakeIn({ start: 3, end: null }, null), undefined);
    assert.equal(mistakeIn({ start: 0, end: 9 }, 8), 'Expected an end from 0 to 8 s, got 9 s.');
    assert.equal(mistakeIn({ start: 5, end: 5 }, 8), 'Expected an end after the start, got 5 s to 5 s.');
    assert.match(mistakeIn({ start: Number.NaN, end: 5 }, 8) ?? '', /a start from 0 to 8 s, got no number/);
  });
});

describe('the queue of uploads', () => {
  class Lost extends Error {}

  function start(answer: (file: string, tries: number, signal: AbortSignal) => Promise<string>) {
    const states = new Map<string, Upload[]>();
    const tries = new Map<string, number>();
    let sending = 0;
    let most = 0;
    const queue = createUploadQueue<string>({
      async send(file, { signal, onSent }) {
        const tried = (tries.get(file) ?? 0) + 1;
        tries.set(file, tried);
        sending += 1;
        most = Math.max(most, sending);
        onSent(1);
        try {
          return await answer(file, tried, signal);
        } finally {
          sending -= 1;
        }
      },
      isTransient: (error) => error instanceof Lost,
      reasonOf: (error) => (error as Error).message,
      onChange: (id, upload) => states.set(id, [...(states.get(id) ?? []), upload]),
      pauseMs: () => 2,
    });
    const want = (...files: string[]) => queue.want(new Map(files.map((file) => [file, file])));
    const ended = (id: string) =>
      until(() => ['done', 'failed'].includes(queue.stateOf(id)?.state ?? ''), `the end of ${id}`, 5_000);
    const seen = (id: string) =>
      (states.get(id) ?? []).map((upload) =>
        'problem' in upload ? `${upload.state}: ${upload.problem}` : upload.state,
      );
    return { queue, want, ended, seen, tries, most: () => most };
  }

  /** Until it is aborted, as a browser's request. */
  const hang = (signal: AbortSignal) =>
    new Promise<string>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

  test('sends each file once, at most two at a time, and remembers what was sent', async () => {
    const { queue, want, ended, tries, most } = start(async (file) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return `upload:${file}`;
    });
    want('a', 'b', 'c', 'd');
    want('a', 'b', 'c', 'd');
    for (const file of ['a', 'b', 'c', 'd']) await ended(file);
    want();
    want('a');
    assert.deepEqual([most(), [...tries.values()]], [2, [1, 1, 1, 1]]);
    const { at, ...sent } = queue.stateOf('a') as Upload & { at: number };
    assert.deepEqual([sent, Date.now() - at < 5_000], [{ state: 'done', url: 'upload:a' }, true]);
  });

  test('tries again after a lost connection, and says meanwhile why', async () => {
    const { want, ended, seen } = start(async (_, tried) => {
      if (tried < 3) throw new Lost('lost');
      return 'upload:a';
    });
    want('a');
    await ended('a');
    assert.deepEqual(
      seen('a').filter((state, at, all) => state !== all[at - 1]),
      ['sending', 'waiting: lost', 'sending', 'waiting: lost', 'sending', 'done'],
    );
  });

  test('gives up after some tries; a connection that is back, or the person, starts it again', async () => {
    let isBack = false;
    const { queue, want, ended, tries } = start(async () => {
      if (!isBack) throw new Lost('lost');
      return 'upload:a';
    });
    want('a');
    await ended('a');
    assert.deepEqual(
      [queue.stateOf('a'), tries.get('a')],
      [{ state: 'failed', message: 'lost' }, MOST_TRIES],
    );
    isBack = true;
    queue.wake();
    await until(() => queue.stateOf('a')?.state === 'done', 'the upload', 5_000);
  });

  test('fails at once for what trying again does not mend, and only the person starts that again', async () => {
    let isSmaller = false;
    const { queue, want, ended, tries } = start(async () => {
      if (!isSmaller) throw new Error('too large');
      return 'upload:a';
    });
    want('a');
    await ended('a');
    queue.wake();
    assert.deepEqual([queue.stateOf('a'), tries.get('a')], [{ state: 'failed', message: 'too large' }, 1]);
    isSmaller = true;
    queue.retry('a');
    await until(() => queue.stateOf('a')?.state === 'done', 'the upload', 5_000);
  });

  test('stops a file that is no longer wanted, makes room for the next, and sends it anew if it is wanted again', async () => {
    const { queue, want, ended, tries } = start(async (file, tried, signal) =>
      file === 'c' || tried > 1 ? `upload:${file}` : hang(signal),
    );
    want('a', 'b', 'c');
    want('b', 'c');
    await ended('c');
    assert.equal(queue.stateOf('a'), undefined);
    want('a', 'b', 'c');
    await ended('a');
    assert.deepEqual([tries.get('a'), queue.stateOf('b')?.state], [2, 'sending']);
    want();
  });
});
