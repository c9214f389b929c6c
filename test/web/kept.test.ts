/** What the page keeps in the browser, and which keys it sends. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusalOfKey } from '../../functions/web/key-characters.ts';
import { createKept } from '../../functions/web/ui/kept.ts';

describe('kept texts', () => {
  test('are in the storage of the browser', () => {
    const texts = new Map<string, string>();
    const storage = {
      getItem: (name: string) => texts.get(name) ?? null,
      setItem: (name: string, text: string) => void texts.set(name, text),
      removeItem: (name: string) => void texts.delete(name),
    };
    const kept = createKept(() => storage);
    kept.set('a', 'one');
    assert.deepEqual([...texts], [['a', 'one']]);
    assert.equal(createKept(() => storage).get('a'), 'one');
    kept.set('a', null);
    assert.deepEqual([kept.get('a'), texts.size], [null, 0]);
  });

  test('last as long as the page where the browser forbids storage', () => {
    const kept = createKept(() => {
      throw new Error('forbidden');
    });
    assert.equal(kept.get('a'), null);
    kept.set('a', 'one');
    assert.equal(kept.get('a'), 'one');
    kept.set('a', null);
    assert.equal(kept.get('a'), null);
  });

  test('are the new ones, not what a full storage still has', () => {
    let isFull = false;
    const texts = new Map([['a', 'old']]);
    const kept = createKept(() => ({
      getItem: (name) => texts.get(name) ?? null,
      setItem(name, text) {
        if (isFull) throw new Error('full');
        texts.set(name, text);
      },
      removeItem: (name) => void texts.delete(name),
    }));
    isFull = true;
    kept.set('a', 'new');
    assert.equal(kept.get('a'), 'new');
    isFull = false;
    kept.set('a', 'newer');
    assert.deepEqual([kept.get('a'), texts.get('a')], ['newer', 'newer']);
  });
});

describe('an API key', () => {
  test('that no header can have is refused, with what is wrong about it', () => {
    assert.match(refusalOfKey('ключ') ?? '', /got “к” in it/);
    assert.match(refusalOfKey('key\u0000') ?? '', /cannot be seen/);
    assert.match(refusalOfKey('key\u200b') ?? '', /cannot be seen/);
    assert.equal(refusalOfKey('a key-of_sixteen+characters/=é'), null);
  });
});
