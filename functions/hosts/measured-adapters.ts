/** Measures what adapters do, the same for every product. What waits for its turn is not part of it. */
import { add } from '../base/telemetry/metrics.ts';
import { errorType, step } from '../base/telemetry/spans.ts';
import type { OutputStore } from '../ports/outputs.ts';
import type { Queue } from '../ports/queue.ts';
import type { MessagingSystem } from './message-traces.ts';

const KINDS: Readonly<Record<string, string>> = {
  mp4: 'video',
  jpg: 'cover',
  srt: 'captions',
  vtt: 'captions',
  json: 'manifest',
  csv: 'manifest',
};

export function measuredOutputs(outputs: OutputStore): OutputStore {
  return {
    ...outputs,
    save: (folder, fileName, ...rest) =>
      step('save', KINDS[fileName.slice(fileName.lastIndexOf('.') + 1)], async (span) => {
        const saved = await outputs.save(folder, fileName, ...rest);
        span.setAttribute('every_cut.bytes', saved.bytes);
        add('every_cut.output.size', saved.bytes);
        return saved;
      }),
  };
}

export function measuredQueue<Q extends Queue>(queue: Q, system: MessagingSystem): Q {
  return {
    ...queue,
    async publish(messages) {
      let error: string | undefined;
      try {
        await queue.publish(messages);
      } catch (cause) {
        error = errorType(cause);
        throw cause;
      } finally {
        for (const [topic, some] of Map.groupBy(messages, (message) => message.topic)) {
          add('messaging.client.sent.messages', some.length, {
            'messaging.system': system,
            'messaging.operation.name': 'publish',
            'messaging.destination.name': topic,
            'error.type': error,
          });
        }
      }
    },
  };
}
