import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { createSeal, sealedMemo } from '../../functions/coordination/seal.ts';
import type { Memo } from '../../functions/ports/memo.ts';
import { FORGED_SEAL, SEAL, SIGNING_KEY } from '../fixtures/system/seal.ts';

/** A memo in this process's memory. */
function memoInMemory(): Memo & { values: Map<string, string> } {
  const values = new Map<string, string>();
  return {
    values,
    recall: async (keys) => keys.map((key) => values.get(key)),
    async settle(key, value, gone) {
      if (!values.has(key) || values.get(key) === gone) values.set(key, value);
      return values.get(key) as string;
    },
    async remember(key, value) {
      values.set(key, value);
    },
  };
}

describe('a seal', () => {
  it('fits only the record of its name, with exactly its content', () => {
    const seal = SEAL.of('task a', 'content');
    assert.ok(SEAL.fits('task a', 'content', seal));
    assert.ok(SEAL.fits('task a', Buffer.from('content'), seal));
    for (const [name, content, own] of [
      ['task b', 'content', seal],
      ['task a', 'content ', seal],
      ['task a', 'content', `${seal}A`],
      ['task a', 'content', FORGED_SEAL.of('task a', 'content')],
      ['task a"\ncontent', '', seal],
      ...['', undefined, null, 7, {}].map((other) => ['task a', 'content', other]),
    ] as const) {
      assert.equal(SEAL.fits(name as string, content as string, own), false, `${name} ${content} ${own}`);
    }
  });

  it('that is wrong is logged once per record, without the content', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'debug', pretty: false, write: (line) => lines.push(line) });
    const seal = createSeal({ key: SIGNING_KEY, log });
    for (const name of ['task a', 'task a', 'task b']) seal.fits(name, 'secret', 'x');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).record),
      ['task a', 'task b'],
    );
    assert.equal(JSON.parse(lines[0] ?? '').event, 'record.forged');
    assert.doesNotMatch(lines.join(), /secret/);
  });

  it('cannot be made without the key, as in the function prepare', () => {
    const { log } = { log: createLog({ level: 'error', pretty: false, write: () => {} }) };
    assert.throws(() => createSeal({ key: undefined, log }).of('task a', ''), /SIGNING_KEY/);
  });

  it('of a memo keeps values of others out, and replaces them', async () => {
    const memo = memoInMemory();
    const [own, other] = [sealedMemo(memo, SEAL), sealedMemo(memo, FORGED_SEAL)];
    assert.equal(await own.settle('a', 'id-1'), 'id-1');
    assert.equal(await own.settle('a', 'id-2'), 'id-1');
    assert.equal(await own.settle('a', 'id-2', 'id-1'), 'id-2');
    assert.deepEqual(await own.recall(['a', 'none']), ['id-2', undefined]);
    await other.remember('b', 'id-of-another-file');
    memo.values.set('c', 'id-without-a-seal');
    memo.values.set('d', memo.values.get('a') as string);
    assert.deepEqual(await own.recall(['b', 'c', 'd']), [undefined, undefined, undefined]);
    for (const key of ['b', 'c', 'd']) assert.equal(await own.settle(key, 'id-3'), 'id-3');
    assert.deepEqual(await own.recall(['b', 'c', 'd']), ['id-3', 'id-3', 'id-3']);
  });

  it('of a memo keeps a value with any characters', async () => {
    const own = sealedMemo(memoInMemory(), SEAL);
    for (const value of ['a|b', '|', '']) {
      assert.equal(await own.settle(`key of ${value}`, value), value);
      assert.deepEqual(await own.recall([`key of ${value}`]), [value]);
    }
  });

  it('of a memo gives up for now while someone keeps replacing the value', async () => {
    const memo = memoInMemory();
    let calls = 0;
    const hostile = {
      ...memo,
      settle: async () => {
        calls += 1;
        if (calls > 100) throw new Error('for ever');
        return `forged ${calls}`;
      },
    };
    await assert.rejects(sealedMemo(hostile, SEAL).settle('a', 'id-1'), { code: 'platform_unavailable' });
    assert.ok(calls <= 6, `got ${calls} calls`);
  });
});
