import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readPush } from '../../../functions/adapters/pubsub/push.ts';
import type { Message, Topic } from '../../../functions/model/messages.ts';

const RENDER: Message = { topic: 'render', taskId: 'a', index: 3 };
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const PUBLISHED = '2026-01-01T00:00:00Z';
const FORWARDED = { CloudPubSubDeadLetterSourceDeliveryCount: '100' };
const GIVEN_UP = { attributes: FORWARDED };

/** As Pub/Sub posts it: https://cloud.google.com/pubsub/docs/push#receive_push */
function envelope(data: unknown, { attributes = {}, ...more }: Record<string, unknown> = {}): unknown {
  const message = { data, attributes, messageId: '77', publishTime: PUBLISHED };
  return { message, subscription: 'projects/p/subscriptions/s', ...more };
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

function carrying(content: unknown, options?: Record<string, unknown>): unknown {
  return envelope(encoded(JSON.stringify(content)), options);
}

const GOOD: readonly Message[] = [
  { topic: 'prepare', taskId: 'a', source: 0 },
  { topic: 'render', taskId: 'Frühling 🎬', index: 10_000 },
  { topic: 'complete', taskId: 'a' },
  { topic: 'dead-letter', taskId: 'a', message: { topic: 'render', taskId: 'a', index: 3 }, reason: 'No' },
  { topic: 'dead-letter', taskId: 'a', message: { topic: 'prepare', taskId: 'a', source: 1 }, reason: '' },
  { topic: 'webhook', taskId: 'a' },
];

const LETTER = GOOD[3];
const OF_LETTER = { topic: 'dead-letter', taskId: 'a', reason: 'No' };

const NO_MESSAGE = /an envelope without a message/;
const NO_DATA = /a message without data/;
const OTHER = /data that is not a message of/;

type Malformed = readonly [what: string, complaint: RegExp, body: unknown, topic?: Topic];
const MALFORMED: readonly Malformed[] = [
  ['null', NO_MESSAGE, null],
  ['nothing', NO_MESSAGE, undefined],
  ['a number', NO_MESSAGE, 5],
  ['a text', NO_MESSAGE, 'message'],
  ['an array', NO_MESSAGE, [carrying(RENDER)]],
  ['no message', NO_MESSAGE, { subscription: 's' }],
  ['null as the message', NO_MESSAGE, { message: null }],
  ['our message without an envelope', NO_MESSAGE, RENDER],
  ['attributes only', NO_DATA, envelope(undefined, { attributes: { a: 'b' } })],
  ['forwarded attributes only', NO_DATA, envelope(undefined, GIVEN_UP), 'dead-letter'],
  ['empty data', NO_DATA, envelope('')],
  ['data that is an object', NO_DATA, envelope(RENDER)],
  ['data that is not base64', OTHER, envelope('{"topic":"render"}')],
  ['JSON that ends too early', OTHER, envelope(encoded('{"topic":'))],
  ['an image', OTHER, envelope('iVBORw0KGgo=')],
  ['an array in JSON', OTHER, carrying([RENDER])],
  ['another topic', OTHER, carrying({ topic: 'complete', taskId: 'a' })],
  ['a render', OTHER, carrying(RENDER), 'prepare'],
  ['a letter', OTHER, carrying(LETTER)],
  ['an unknown topic', OTHER, carrying({ ...RENDER, topic: 'rendering' })],
  ['no task', OTHER, carrying({ topic: 'render', index: 3 })],
  ['a task that is a number', OTHER, carrying({ ...RENDER, taskId: 5 })],
  ['no index', OTHER, carrying({ topic: 'render', taskId: 'a', source: 3 })],
  ['an index as text', OTHER, carrying({ ...RENDER, index: '3' })],
  ['a negative index', OTHER, carrying({ ...RENDER, index: -1 })],
  ['half an index', OTHER, carrying({ ...RENDER, index: 1.5 })],
  ['an index beyond counting', OTHER, carrying({ ...RENDER, index: 1e300 })],
  ['a source as text', OTHER, carrying({ topic: 'prepare', taskId: 'a', source: '3' }), 'prepare'],
  ['a letter without a message', OTHER, carrying(OF_LETTER), 'dead-letter'],
  ['a letter about a letter', OTHER, carrying({ ...OF_LETTER, message: LETTER }), 'dead-letter'],
  ['a forwarded one of those', OTHER, carrying({ ...RENDER, index: '3' }, GIVEN_UP), 'dead-letter'],
];

describe('a push', () => {
  for (const message of GOOD) {
    it(`gives the message that was published: ${JSON.stringify(message)}`, () => {
      assert.deepEqual(readPush(carrying(message), message.topic), {
        message,
        messageId: '77',
        traceparent: undefined,
        publishedAt: Date.parse(PUBLISHED),
        deliveries: 1,
      });
    });
  }

  for (const [what, complaint, body, topic = 'render'] of MALFORMED) {
    it(`to ${topic} without a valid message is reported as malformed: ${what}`, () => {
      const read = readPush(body, topic);
      assert.ok('malformed' in read, JSON.stringify(read));
      assert.match(read.malformed, complaint);
      assert.equal(read.messageId, complaint === NO_MESSAGE ? '' : '77');
    });
  }

  it('returns how often it was delivered, if Pub/Sub counts', () => {
    const deliveriesOf = (deliveryAttempt: unknown) => {
      const read = readPush(carrying(RENDER, { deliveryAttempt }), 'render');
      return 'deliveries' in read ? read.deliveries : undefined;
    };
    assert.deepEqual([undefined, 1, 7, 100, '7', -1, 1.5].map(deliveriesOf), [1, 1, 7, 100, 1, 1, 1]);
  });

  it('gives the trace of the publisher, if there is one', () => {
    const traceOf = (attributes: unknown) => {
      const read = readPush(carrying(RENDER, { attributes }), 'render');
      return 'message' in read ? read.traceparent : 'no message';
    };
    assert.equal(traceOf({ googclient_traceparent: TRACE, more: 'x' }), TRACE);
    for (const none of [{}, { googclient_traceparent: 5 }, { traceparent: TRACE }, null, [TRACE]])
      assert.equal(traceOf(none), undefined);
  });

  it('drops what is not part of the message', () => {
    const letter = { topic: 'dead-letter', message: { ...RENDER, url: 'x' }, reason: 'No', more: 1 };
    for (const [content, message] of [
      [{ ...RENDER, url: 'https://evil.example', source: 1 }, RENDER],
      [
        { ...letter, taskId: 'another' },
        { topic: 'dead-letter', taskId: 'a', message: RENDER, reason: 'No' },
      ],
      [
        { ...letter, reason: 5 },
        { topic: 'dead-letter', taskId: 'a', message: RENDER, reason: '' },
      ],
    ] as const) {
      assert.deepEqual((readPush(carrying(content), message.topic) as { message: unknown }).message, message);
    }
  });

  for (const message of GOOD.filter(({ topic }) => topic !== 'dead-letter')) {
    it(`of a ${message.topic} message that Pub/Sub gave up is a dead letter with the count`, () => {
      const read = readPush(carrying(message, GIVEN_UP), 'dead-letter');
      assert.ok('message' in read);
      const { reason, ...letter } = read.message;
      assert.deepEqual(letter, { topic: 'dead-letter', taskId: message.taskId, message });
      assert.match(reason, /delivered 100 times/);
    });
  }

  it('that was given up without a count says that it was delivered too often', () => {
    const read = readPush(carrying(RENDER), 'dead-letter');
    assert.match('message' in read ? read.message.reason : '', /delivered too often/);
  });

  it('of a dead letter of our own keeps its reason, whatever Pub/Sub counted', () => {
    const read = readPush(carrying(LETTER, GIVEN_UP), 'dead-letter');
    assert.deepEqual('message' in read && read.message, LETTER);
  });
});
