/** Makes the handling of each message a part of the trace of its task, and measures how long it waited and took. */
import { record } from '../base/telemetry/metrics.ts';
import { errorType, inSpan, isTracing, markAs, SpanKind } from '../base/telemetry/spans.ts';
import { inTime } from '../base/time-limit.ts';
import { traced } from '../base/trace.ts';
import type { Message } from '../model/messages.ts';
import type { TaskStore } from '../ports/tasks.ts';

/** How a message came. */
export interface Arrival {
  /** How often it was delivered, including this time. */
  deliveries: number;
  /** The trace to which it belongs, if it was published as part of one. */
  traceparent: string | undefined;
  /** Milliseconds since it was published, if that is known. Not known after a wait, which counts no delivery. */
  age: number | undefined;
}

type Work<T> = (failed: (error: unknown) => void) => Promise<T>;

export interface MessageTraces {
  /** Runs the handling of a message. It has failed if it rejects, or calls `failed`. */
  handle<T>(message: Message, arrival: Arrival, work: Work<T>): Promise<T>;
}

/** As https://opentelemetry.io/docs/specs/semconv/messaging/ calls it; the queue of one machine has a name of its own. */
export type MessagingSystem = 'every_cut' | 'gcp_pubsub';

/** The work does not wait longer for its trace. The first message of a function waits for its start. */
const LOOK_MS = 5_000;

export function createMessageTraces(
  system: MessagingSystem,
  tasksOf: () => Promise<Pick<TaskStore, 'get'>>,
): MessageTraces {
  /** The sweep publishes messages outside of any trace. */
  const rootOf = async ({ taskId }: Message): Promise<string | undefined> => {
    if (!isTracing()) return undefined;
    const looking = async () => (await (await tasksOf()).get(taskId))?.traceparent;
    // If the store is down or slow, the work itself will say so.
    return await inTime(looking(), LOOK_MS, () => new Error('late')).catch(() => undefined);
  };
  return {
    async handle(message, arrival, work) {
      const trace = arrival.traceparent ?? (await rootOf(message));
      return traced(trace, () => handled(system, message, arrival, work));
    },
  };
}

async function handled<T>(
  system: string,
  message: Message,
  { deliveries, age }: Arrival,
  work: Work<T>,
): Promise<T> {
  const { topic } = message;
  const about = {
    'messaging.system': system,
    'messaging.operation.name': 'process',
    'messaging.destination.name': topic,
  };
  // Later deliveries waited because earlier ones failed.
  if (age !== undefined && deliveries === 1) {
    const waited = { 'every_cut.stage': 'queue_wait', 'every_cut.kind': topic };
    record('every_cut.stage.duration', age / 1000, waited);
  }
  const began = performance.now();
  let error: string | undefined;
  const attributes = { ...about, ...attributesOf(message), 'every_cut.deliveries': deliveries };
  return await inSpan(`process ${topic}`, { kind: SpanKind.CONSUMER, attributes }, async (span) => {
    const failed = (cause: unknown) => {
      error = errorType(cause);
      markAs(span, cause);
    };
    try {
      return await work(failed);
    } catch (cause) {
      failed(cause);
      throw cause;
    } finally {
      const seconds = (performance.now() - began) / 1000;
      record('messaging.process.duration', seconds, { ...about, 'error.type': error });
    }
  });
}

function attributesOf(message: Message): Record<string, string | number | undefined> {
  const task = { 'every_cut.task.id': message.taskId };
  switch (message.topic) {
    case 'prepare':
      return { ...task, 'every_cut.source': message.source, 'every_cut.piece': message.piece };
    case 'render':
      return { ...task, 'every_cut.index': message.index };
    default:
      return task;
  }
}
