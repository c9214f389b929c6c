import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLog } from '../../functions/base/log.ts';
import {
  apartFromRequests,
  duringRequest,
  requestFields,
  requestId,
  requestIdFrom,
} from '../../functions/base/request-id.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('the id of a request', () => {
  test('is the one that the caller has given', () => {
    for (const own of ['a', '0.b-C_9', 'x'.repeat(128), '4bf92f3577b34da6a3ce929d0e0e4736']) {
      assert.equal(requestIdFrom(own), own);
    }
  });

  test('is a new UUID if there is none, or one that could break a header or a log', () => {
    const odd = ['', 'a b', 'a, b', 'ä', 'a\n', '\u001b[31m', 'x'.repeat(129), '{"a":1}', 'a/b', 'a;b', "'"];
    for (const own of [undefined, ['a', 'b'], ...odd]) assert.match(requestIdFrom(own), UUID);
    assert.notEqual(requestIdFrom(''), requestIdFrom(''));
  });

  test('is in each log line of the request, however late, and in no other', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = createLog({
      level: 'info',
      pretty: false,
      context: requestFields,
      write: (line) => lines.push(JSON.parse(line)),
    });
    const tell = () => log.info('told', { event: 'host.started' });
    const work = async () => {
      tell();
      await sleep(1);
      tell();
    };
    await Promise.all([duringRequest('one', work), duringRequest('two', work), work()]);
    const ids = lines.map((line) => line['request_id'] ?? 'none').sort();
    assert.deepEqual(ids, ['none', 'none', 'one', 'one', 'two', 'two']);
  });

  test('is not that of work which a request only sets off', async () => {
    const ids = await duringRequest('one', async () => [
      await apartFromRequests(async () => {
        await sleep(1);
        return requestId();
      }),
      requestId(),
    ]);
    assert.deepEqual(ids, [undefined, 'one']);
  });
});
