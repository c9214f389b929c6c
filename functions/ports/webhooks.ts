/** Webhooks: the one event of a task with a callback_url. */
import type { WebhookAnswer, WebhookRecord } from '../model/webhook.ts';

/** One record for each task. It is gone with its task. */
export interface WebhookStore {
  /** complete, POST /webhook: from now on the event is to be sent, with what earlier deliveries left in the record. */
  ask(taskId: string, at: number): Promise<void>;
  /** Undefined if it was never asked for. */
  read(taskId: string): Promise<WebhookRecord | undefined>;
  /**
   * webhook: after a delivery, or to put one off. Keeps what `recorded` of model/webhook.ts makes of it, and returns that;
   * undefined, and nothing is kept, without a record.
   * @param before as it was read
   */
  record(taskId: string, before: WebhookRecord, after: WebhookRecord): Promise<WebhookRecord | undefined>;
  /**
   * webhook: the text of the event. The first one that is kept counts, for every delivery: receivers rely on the same bytes.
   * @param make called if there is none
   */
  event(taskId: string, make: () => Promise<string>): Promise<string>;
  /** webhook: its task is gone. */
  forget(taskId: string): Promise<void>;
  /** sweep: the tasks whose event is due, the longest first, without the first `skip` of them. */
  due(at: number, limit: number, skip?: number): Promise<string[]>;
}

export interface WebhookSender {
  /**
   * webhook: one POST, signed. The same id and the same body at each delivery of an event. Rejects only with the signal's
   * reason: whatever else goes wrong is in the answer.
   */
  send(event: { url: string; id: string; body: string }, signal: AbortSignal): Promise<WebhookAnswer>;
}
