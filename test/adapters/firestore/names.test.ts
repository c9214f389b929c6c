import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Timestamp } from '@google-cloud/firestore';
import {
  documentId,
  millisecondsBetween,
  numberId,
} from '../../../functions/adapters/firestore/firestore.ts';
import { hashId } from '../../../functions/adapters/shared/hash-id.ts';

const TEXTS: readonly string[] = [
  '1f0c9a52-8a07-4d0e-9c39-0a6f4c1f7d11',
  'request/my-key',
  '',
  ' ',
  '.',
  '..',
  '...',
  '.hidden',
  '%2E',
  '%2E.',
  'a.',
  '_',
  '__',
  '____',
  '__a__',
  '_a',
  'a__',
  '%5F_a__',
  '%5F',
  '/',
  '//',
  'a/b',
  'a%2Fb',
  'a%252Fb',
  '%',
  '%%',
  '%zz',
  "!~*'()",
  'Frühling 🎬',
  'Fru\u0308hling 🎬',
  'nul\0byte',
  'line\nbreak',
  '\ud800',
  'half \ud83c pair',
  'x'.repeat(1_000),
  'x'.repeat(1_001),
  'x'.repeat(5_000),
  `${'x'.repeat(5_000)}y`,
  '🎬'.repeat(84),
  '🎬'.repeat(5_000),
  '/'.repeat(334),
  '/'.repeat(1_000),
  '🎬'.repeat(500),
];

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 20)}… (${text.length})` : text);
}

describe('a document id', () => {
  for (const text of TEXTS) {
    it(`is valid in Firestore for any text: ${shown(text)}`, () => {
      const id = documentId(text);
      const bytes = Buffer.byteLength(id);
      assert.ok(bytes >= 1 && bytes <= 1_500, `${bytes} bytes`);
      assert.ok(id.isWellFormed());
      assert.doesNotMatch(id, /\/|^\.\.?$|^__.*__$/s);
      assert.equal(documentId(text), id, 'the same each time');
    });
  }

  it('differs for different texts', () => {
    const byId = Map.groupBy(TEXTS, documentId);
    for (const same of byId.values()) assert.equal(same.length, 1, same.map(shown).join(' and '));
    assert.equal(byId.size, TEXTS.length);
  });

  it('differs for texts that are not valid Unicode', () => {
    assert.equal(new Set(['\ud800', '\udfff', '\ufffd'].map(documentId)).size, 3);
  });

  it('is readable if the text is short', () => {
    assert.equal(documentId('render-1f0c9a52_8'), 'render-1f0c9a52_8');
    assert.equal(documentId('request/a key'), 'request%2Fa%20key');
    assert.equal(documentId('x'.repeat(1_000)).length, 1_000);
    assert.equal(documentId('x'.repeat(1_001)).length, 65);
  });

  it('made from a number sorts numerically', () => {
    for (let number = 0; number < 10_000; number++) {
      assert.ok(numberId(number) < numberId(number + 1), `${number} and the next one`);
    }
    assert.equal(numberId(7), '00007');
  });
});

describe('a hash as an id', () => {
  it('is the same for the same parts, and reveals nothing about them', () => {
    assert.match(hashId('https://example.com/?sig=secret'), /^[0-9a-f]{64}$/);
    assert.equal(hashId('a', 'b'), hashId('a', 'b'));
  });

  it('differs if the same letters are split differently', () => {
    const parts = [[], [''], ['', ''], ['ab'], ['a', 'b'], ['b', 'a'], ['a","b'], ['a', 'b', '']];
    assert.equal(new Set(parts.map((some) => hashId(...some))).size, parts.length);
  });

  it('differs for texts that are not valid Unicode', () => {
    assert.equal(new Set(['\ud800', '\udfff', '\ufffd'].map((text) => hashId(text))).size, 3);
  });
});

describe('the time between two timestamps', () => {
  const between = (from: [number, number], to: [number, number]) =>
    millisecondsBetween(new Timestamp(...from), new Timestamp(...to));

  it('is accurate to less than a millisecond', () => {
    const now = 1_790_000_000;
    assert.equal(between([now, 0], [now, 0]), 0);
    assert.equal(between([now, 0], [now, 250_000]), 0.25);
    assert.equal(between([now, 999_000_000], [now + 1, 1_000_000]), 2);
    assert.equal(between([now, 0], [now + 3_600, 500_000_000]), 3_600_500);
  });

  it('is negative if the second is earlier', () => {
    assert.equal(between([10, 1_000_000], [9, 999_000_000]), -2);
  });
});
