/**
 * Every metric that the service has, under the names of OpenTelemetry's semantic conventions where there are any.
 * https://opentelemetry.io/docs/specs/semconv/general/metrics/
 */

interface Instrument {
  /** counter: grows. gauge: read when it is asked for. histogram: how often which values. */
  kind: 'counter' | 'gauge' | 'histogram';
  /** By https://ucum.org; what is counted is in braces. */
  unit: string;
  about: string;
  attributes: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  buckets?: readonly number[];
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const LONG_SECONDS = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_200, 3_600, 7_200, 21_600, 86_400];
const TOPIC = 'messaging.destination.name';

export const INSTRUMENTS = {
  'http.server.request.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'Requests to the HTTP API, until the answer begins.',
    attributes: ['http.request.method', 'http.route', 'http.response.status_code', 'error.type'],
    buckets: SECONDS,
  },
  'messaging.client.sent.messages': {
    kind: 'counter',
    unit: '{message}',
    about: 'Messages published.',
    attributes: ['messaging.system', 'messaging.operation.name', TOPIC, 'error.type'],
  },
  'messaging.process.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'Handling of messages. error.type: why one was handed back.',
    attributes: ['messaging.system', 'messaging.operation.name', TOPIC, 'error.type'],
    buckets: SECONDS,
  },
  'every_cut.stage.duration': {
    kind: 'histogram',
    unit: 's',
    about:
      'Seconds of each try of each stage of the work. queue_wait: until a message is handled; place_wait: until there is ' +
      'a place, of the kind that it is waited for, or (soundtrack) until another video has made it; store: of what was ' +
      'prepared, for others.',
    attributes: ['every_cut.stage', 'every_cut.kind', 'error.type'],
    buckets: SECONDS,
  },
  'every_cut.tasks.accepted': {
    kind: 'counter',
    unit: '{task}',
    about: 'Tasks accepted.',
    attributes: [],
  },
  'every_cut.tasks.ended': {
    kind: 'counter',
    unit: '{task}',
    about: 'Tasks that ended, by how.',
    attributes: ['every_cut.status'],
  },
  'every_cut.tasks.running': {
    kind: 'gauge',
    unit: '{task}',
    about: 'Tasks that have not ended.',
    attributes: [],
  },
  'every_cut.task.duration': {
    kind: 'histogram',
    unit: 's',
    about: 'From the request to the end of a task.',
    attributes: ['every_cut.status'],
    buckets: LONG_SECONDS,
  },
  'every_cut.task.cost': {
    kind: 'histogram',
    unit: '{USD}',
    about: 'Estimated cost of each ended task: bought speech and computing.',
    attributes: ['every_cut.status'],
    buckets: [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100],
  },
  'every_cut.cost': {
    kind: 'counter',
    unit: '{USD}',
    about: 'Estimated cost of all ended tasks.',
    attributes: ['every_cut.cost.kind'],
  },
  'every_cut.renders.ended': {
    kind: 'counter',
    unit: '{render}',
    about: 'Combinations that ended, by how; error.type: the code of the failure.',
    attributes: ['every_cut.status', 'error.type'],
  },
  'every_cut.artifacts.requested': {
    kind: 'counter',
    unit: '{artifact}',
    about: 'Prepared files that were asked for: a hit was there, a miss was made.',
    attributes: ['every_cut.kind', 'every_cut.artifact.result'],
  },
  'every_cut.artifacts.stored': {
    kind: 'counter',
    unit: 'By',
    about: 'Bytes of prepared files that were made and stored.',
    attributes: ['every_cut.kind'],
  },
  'every_cut.artifacts.evicted': {
    kind: 'counter',
    unit: '{artifact}',
    about: 'Prepared files removed to make room.',
    attributes: [],
  },
  'every_cut.cache.usage': {
    kind: 'gauge',
    unit: 'By',
    about: 'Bytes of prepared files on this disk.',
    attributes: [],
  },
  'every_cut.cache.limit': {
    kind: 'gauge',
    unit: 'By',
    about: 'What they may take: CACHE_MAX_MB.',
    attributes: [],
  },
  'system.filesystem.usage': {
    kind: 'gauge',
    unit: 'By',
    about: 'The disks of DATA_DIR and OUTPUT_DIR.',
    attributes: ['system.filesystem.state', 'every_cut.folder'],
  },
  'every_cut.queue.depth': {
    kind: 'gauge',
    unit: '{message}',
    about: 'Messages by what becomes of them: waiting, in_flight or quarantined.',
    attributes: [TOPIC, 'every_cut.queue.state'],
  },
  'every_cut.queue.oldest_age': {
    kind: 'gauge',
    unit: 's',
    about: 'Age of the oldest message that was published and is not done.',
    attributes: [TOPIC],
  },
  'every_cut.places.used': {
    kind: 'gauge',
    unit: '{place}',
    about: 'Runs under way, by what they do.',
    attributes: ['every_cut.place'],
  },
  'every_cut.places.limit': {
    kind: 'gauge',
    unit: '{place}',
    about: 'How many of them there may be at a time, besides long ones.',
    attributes: ['every_cut.place'],
  },
  'every_cut.ffmpeg.speed': {
    kind: 'histogram',
    unit: '1',
    about: 'Seconds of film that ffmpeg makes in a second: 1 is real time.',
    attributes: ['every_cut.stage'],
    buckets: [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500],
  },
  'every_cut.retries': {
    kind: 'counter',
    unit: '{retry}',
    about:
      'Failed tries that are repeated, by their error; by the topic of their message if no stage is known.',
    attributes: ['error.type', 'every_cut.stage'],
  },
  'every_cut.webhook.deliveries': {
    kind: 'counter',
    unit: '{delivery}',
    about:
      'Tries to deliver the event of a task: delivered, refused, failed by the server or the network, or by this service.',
    attributes: ['every_cut.webhook.outcome'],
  },
  'every_cut.speech.characters': {
    kind: 'counter',
    unit: '{character}',
    about:
      'Characters of lines: bought, free (the built-in voice), or saved, as they had been spoken before.',
    attributes: ['every_cut.speech.provider', 'every_cut.speech.source'],
  },
  'every_cut.download.size': {
    kind: 'counter',
    unit: 'By',
    about: 'Bytes of sources downloaded.',
    attributes: [],
  },
  'every_cut.output.size': {
    kind: 'counter',
    unit: 'By',
    about: 'Bytes of videos and their files saved.',
    attributes: [],
  },
  'process.cpu.time': {
    kind: 'counter',
    unit: 's',
    about: 'Processor time of the service, without ffmpeg.',
    attributes: ['cpu.mode'],
  },
  'process.memory.usage': {
    kind: 'gauge',
    unit: 'By',
    about: 'Memory of the service, without ffmpeg.',
    attributes: [],
  },
  'process.uptime': {
    kind: 'gauge',
    unit: 's',
    about: 'How long the service is up.',
    attributes: [],
  },
  'nodejs.eventloop.delay.p99': {
    kind: 'gauge',
    unit: 's',
    about: 'How late timers are, in 1 of 100 cases since the last look.',
    attributes: [],
  },
} as const satisfies Record<string, Instrument>;

export type InstrumentName = keyof typeof INSTRUMENTS;
type OfKind<K extends Instrument['kind']> = {
  [N in InstrumentName]: (typeof INSTRUMENTS)[N]['kind'] extends K ? N : never;
}[InstrumentName];
export type CounterName = OfKind<'counter'>;
export type HistogramName = OfKind<'histogram'>;
export type GaugeName = OfKind<'gauge'>;

/** What a value belongs to. Left out: it has none. */
export type AttributesOf<N extends InstrumentName> = {
  [A in (typeof INSTRUMENTS)[N]['attributes'][number]]?: string | number | undefined;
};
