/**
 * Reads what Pub/Sub posts to a push endpoint. The framework's own reader drops half of the fields.
 * https://cloud.google.com/pubsub/docs/push#receive_push
 */
import type { DeadLetterMessage, MessageOf, Topic, WorkMessage } from '../../model/messages.ts';
import { pieceName, pieceOf } from '../../model/pieces.ts';
import { TRACE_ATTRIBUTE } from './pubsub.ts';

export interface Push<T extends Topic> {
  message: MessageOf<T>;
  /** Pub/Sub's id, the same at each delivery. */
  messageId: string;
  traceparent: string | undefined;
  /** By the clock of Pub/Sub, milliseconds since the epoch; undefined if the push does not say when. */
  publishedAt: number | undefined;
  /** Including this one; 1 if Pub/Sub does not count, as in the emulator. */
  deliveries: number;
}

/** A push that cannot be read, however often it is delivered. */
export interface Malformed {
  malformed: string;
  messageId: string;
}

/** https://cloud.google.com/pubsub/docs/handling-failures#dead_letter_topic */
const DELIVERY_COUNT = 'CloudPubSubDeadLetterSourceDeliveryCount';

type Fields = Record<string, unknown>;

/** Reads the parsed body of a push to the function that handles `topic`. */
export function readPush<T extends Topic>(body: unknown, topic: T): Push<T> | Malformed {
  const envelope = fieldsOf(body);
  const pushed = fieldsOf(envelope?.['message']);
  const messageId = textOf(pushed?.['messageId']);
  if (pushed === undefined) return { malformed: 'an envelope without a message', messageId };
  const { data } = pushed;
  if (typeof data !== 'string' || data === '') return { malformed: 'a message without data', messageId };
  const content = parsed(Buffer.from(data, 'base64').toString('utf8'));
  const attributes = fieldsOf(pushed['attributes']) ?? {};
  const message = topic === 'dead-letter' ? letterOf(content, attributes) : workOf(content);
  if (message?.topic !== topic) return { malformed: `data that is not a message of ${topic}`, messageId };
  const traceparent = attributes[TRACE_ATTRIBUTE];
  const deliveries = envelope?.['deliveryAttempt'];
  return {
    message: message as MessageOf<T>,
    messageId,
    traceparent: typeof traceparent === 'string' ? traceparent : undefined,
    publishedAt: timeOf(pushed['publishTime']),
    deliveries: isCount(deliveries) ? deliveries : 1,
  };
}

/** Our own dead letter, or a message that Pub/Sub forwarded after too many deliveries. */
function letterOf(content: unknown, attributes: Fields): DeadLetterMessage | undefined {
  const fields = fieldsOf(content);
  const own = fields?.['topic'] === 'dead-letter';
  const message = workOf(own ? fields?.['message'] : content);
  if (message === undefined) return undefined;
  const count = attributes[DELIVERY_COUNT];
  const forwarded = `it was delivered ${typeof count === 'string' ? `${count} times` : 'too often'}; the log has the reasons.`;
  return {
    topic: 'dead-letter',
    taskId: message.taskId,
    message,
    reason: own ? textOf(fields?.['reason']) : forwarded,
  };
}

function workOf(content: unknown): WorkMessage | undefined {
  const fields = fieldsOf(content);
  const taskId = fields?.['taskId'];
  if (fields === undefined || typeof taskId !== 'string') return undefined;
  const { topic, source, index, piece: name } = fields;
  if (topic === 'prepare' && isCount(source)) {
    if (name === undefined) return { topic, taskId, source };
    const piece = pieceOf(textOf(name));
    return piece === undefined ? undefined : { topic, taskId, source, piece: pieceName(piece) };
  }
  if (topic === 'render' && isCount(index)) return { topic, taskId, index };
  if (topic === 'complete' || topic === 'webhook') return { topic, taskId };
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function timeOf(text: unknown): number | undefined {
  const time = Date.parse(textOf(text));
  return Number.isNaN(time) ? undefined : time;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
