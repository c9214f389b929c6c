/** The messages to the stages, and what a stage gets with each. */
import type { Message } from '../model/messages.ts';

/** What a stage gets with each message. */
export interface Delivery {
  /** Fires when the host stops or the platform's time is up: end children, save nothing, hand the message back. */
  signal: AbortSignal;
  /** The same at each delivery of a message, and another one for each message; undefined if the queue has none. */
  messageId?: string | undefined;
}

export interface Queue {
  /** Once it resolves, each message is delivered at least once, even after a crash. In no particular order. */
  publish(messages: readonly Message[]): Promise<void>;
  /** sweep: whether the same message waits or is being handled. Missing where the queue does not know. */
  has?(message: Message): Promise<boolean>;
}
