import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Mistake, RequestError } from '../../functions/base/errors.ts';
import { readRequest } from '../../functions/model/request.ts';

const A = 'https://example.com/a.mp4';
const VALID = '"task_name":"a","video_blocks":{"a":["https://example.com/a.mp4"]}';
const BODY_BYTES = 256 * 1024;
/** Of processor time. What these tests are about took seconds to minutes, or all memory. */
const CEILING_MS = 300;
const LIMITS = { combinations: 1000, sources: { buckets: [], ownBuckets: [] } };

function mistakes(body: unknown): readonly Mistake[] {
  try {
    readRequest(body, LIMITS);
  } catch (error) {
    assert.ok(RequestError.is(error), String(error));
    return error.mistakes;
  }
  return [];
}

/** As many of the pieces as fit into a body. */
function pieces(piece: (at: number) => string, bytes = BODY_BYTES): string {
  const all: string[] = [];
  for (let length = 0, at = 0; length < bytes - 300; at++) {
    const next = piece(at);
    all.push(next);
    length += next.length + 1;
  }
  return all.join(',');
}

describe('a request that is as large as a body may be', () => {
  const half = BODY_BYTES / 2;
  const bodies: Record<string, string> = {
    'empty lines': `{${VALID},"text_to_speech":[${pieces(() => '{}')}]}`,
    'as many empty lines as are looked at': `{${VALID},"text_to_speech":[${pieces(() => '{}', 29_000)}]}`,
    'numbers for lines': `{${VALID},"text_to_speech":[${pieces(() => '1')}]}`,
    'empty blocks': `{"task_name":"a","video_blocks":[${pieces(() => '{}', 29_000)}]}`,
    'blocks with names': `{"task_name":"a","video_blocks":[${pieces((at) => `{"name":"${at}"}`, 80_000)}]}`,
    'unknown fields': `{${VALID},${pieces((at) => `"text_to_spee${at}":1`)}}`,
    'one long unknown field': `{${VALID},"${'text_to_speech'.repeat(18_000)}":1}`,
    'a long name over many numbers': `{"task_name":"a","video_blocks":{"${'~'.repeat(half)}":[${pieces(() => '1', half)}]}}`,
    'a name as long as allowed over many numbers': `{"task_name":"a","audio_blocks":{"${'~'.repeat(200)}":[${pieces(() => '1', 19_000)}]}}`,
    'the same URLs again and again': `{${VALID},"audio_blocks":{${pieces((at) => `"${at}":[${pieces((n) => `"http:${n >> 1}"`, 1500)}]`, 60_000)}}}`,
    'text that is no URL': `{"task_name":"a","video_blocks":{"a":["${'a'.repeat(BODY_BYTES)}"]}}`,
    'deep metadata': `{${VALID},"metadata":{"a":${'['.repeat(half)}${']'.repeat(half)}}}`,
    'deep lists for lines': `{${VALID},"text_to_speech":${'['.repeat(half)}${']'.repeat(half)}}`,
    'wide metadata': `{${VALID},"metadata":{"a":[${pieces(() => '{}')}]}}`,
    'spaces for texts': `{${VALID},"text_to_speech":[${pieces(() => `{"text":"${' '.repeat(4900)}","voice":" "}`)}]}`,
  };

  for (const [what, text] of Object.entries(bodies)) {
    test(`is checked at once, and its answer is short: ${what}`, () => {
      const body = JSON.parse(text) as unknown;
      const cpu = process.threadCpuUsage();
      const found = mistakes(body);
      const { user, system } = process.threadCpuUsage(cpu);
      assert.ok((user + system) / 1000 < CEILING_MS, `${(user + system) / 1000} ms`);
      assert.ok(found.length <= 101);
      assert.ok(JSON.stringify(found).length < 100_000, `${JSON.stringify(found).length} characters`);
    });
  }

  test('gets the first hundred mistakes, and how many more there are', () => {
    const lines = Array.from({ length: 900 }, () => ({ text: '', voice: '' }));
    const found = mistakes({ task_name: 'a', video_blocks: { a: [A] }, text_to_speech: lines });
    assert.equal(found.length, 101);
    assert.equal(found[0]?.pointer, '/text_to_speech/0/text');
    assert.equal(found[99]?.pointer, '/text_to_speech/49/voice');
    assert.match(String(found[100]?.message), /^and 1700 more\./);
    const few = mistakes({ task_name: 'a', video_blocks: { a: [A] }, text_to_speech: lines.slice(0, 50) });
    assert.equal(few.length, 100);
    assert.equal(few[99]?.pointer, '/text_to_speech/49/voice');
  });

  test('is told which field has too many values, and which name is too long', () => {
    const numbers = Array.from({ length: 10_000 }, () => 1);
    const [many] = mistakes({ task_name: 'a', video_blocks: { a: [A] }, seed: 1, text_to_speech: numbers });
    assert.equal(many?.pointer, '/text_to_speech');
    assert.match(String(many?.message), /^Expected at most 10000 values/);
    const [long] = mistakes({ task_name: 'a', video_blocks: { ['n'.repeat(201)]: [A] } });
    assert.match(String(long?.message), /^Expected a name of at most 200 characters/);
    assert.deepEqual(mistakes({ task_name: 'a', video_blocks: { ['n'.repeat(200)]: [A] } }), []);
  });

  test('gets at most twenty warnings about repeated URLs', () => {
    const urls = Array.from({ length: 60 }, (_, at) => `https://h/${at >> 1}`);
    const { warnings } = readRequest(
      { task_name: 'a', video_blocks: { a: [A] }, audio_blocks: { a: urls } },
      LIMITS,
    );
    assert.equal(warnings.length, 21);
    assert.equal(warnings[20], 'and 10 more warnings');
  });
});
