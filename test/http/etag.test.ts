import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { taggedJson } from '../../functions/http/etag.ts';

describe('an answer with an ETag', () => {
  const options = { headers: { 'retry-after': '2' }, without: ['elapsed_seconds', 'eta_seconds'] };
  const VIEW = { status: 'rendering', elapsed_seconds: 1, eta_seconds: null, metadata: { eta_seconds: 5 } };
  const ask = (ifNoneMatch?: string, view: object = VIEW) =>
    taggedJson(
      new Request(
        'http://h/',
        ifNoneMatch === undefined ? {} : { headers: { 'if-none-match': ifNoneMatch } },
      ),
      view,
      options,
    );
  const tagOf = (view?: object) => ask(undefined, view).headers.get('etag') as string;

  test('has a weak one, which time alone does not change', async () => {
    const answer = ask();
    assert.equal(answer.status, 200);
    assert.match(tagOf(), /^W\/"[\w-]{22}"$/);
    assert.deepEqual(await answer.json(), VIEW, 'the whole body');
    assert.equal(tagOf({ ...VIEW, elapsed_seconds: 2, eta_seconds: 7 }), tagOf());
    assert.notEqual(tagOf({ ...VIEW, status: 'completed' }), tagOf());
    assert.notEqual(tagOf({ ...VIEW, metadata: { eta_seconds: 6 } }), tagOf(), 'fields of others count');
  });

  test('is 304 with the same headers and no body for whoever has it', async () => {
    const tag = tagOf();
    const others = '"a", W/"b,c", ""';
    const fields = [tag, tag.slice(2), '*', ' * ', `${others},${tag}`, `${others} , ${tag.slice(2)},"z"`];
    for (const field of fields) {
      const { status, headers, body } = ask(field);
      assert.deepEqual([status, body], [304, null], field);
      assert.deepEqual([headers.get('etag'), headers.get('retry-after')], [tag, '2']);
    }
  });

  test('is sent in full for any other, and for what is no list of them', () => {
    const tag = tagOf();
    const fields = [
      '',
      '"a"',
      'W/"a", "b"',
      tag.slice(3, -1),
      tag.toUpperCase(),
      `"${tag}"`,
      `"* ${tag}`,
      '**',
      `${tag.slice(0, -1)}`,
    ];
    for (const field of fields) assert.equal(ask(field).status, 200, field);
  });

  test('reads the longest header at once', () => {
    const began = performance.now();
    for (const piece of ['"', 'W/', 'W/"', '"a",', '"a', ',', ' ']) ask(piece.repeat(16_000 / piece.length));
    assert.ok(performance.now() - began < 2_000);
  });
});
