/**
 * Writes log lines in the format that Cloud Logging reads: one JSON object per line, with severity and message.
 * https://cloud.google.com/logging/docs/structured-logging
 */

import { isExpected } from './errors.ts';
import { escapeHidden } from './hidden-characters.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const SEVERITY = { debug: 'DEBUG', info: 'INFO', notice: 'NOTICE', warn: 'WARNING', error: 'ERROR' } as const;

export type EventName =
  | 'health.failing'
  | 'health.working'
  | 'host.waiting'
  | 'ffmpeg.limits'
  | 'ffmpeg.no_cage'
  | 'ffmpeg.no_encoder'
  | 'ffmpeg.old'
  | 'ffmpeg.unverified'
  | 'host.cleared'
  | 'host.started'
  | 'host.stopping'
  | 'host.broken'
  | 'database.failing'
  | 'database.working'
  | 'output.failing'
  | 'output.working'
  | 'task.accepted'
  | 'task.cancelling'
  | 'task.deleted'
  | 'task.joined'
  | 'task.completed'
  | 'tasks.pruned'
  | 'tasks.not_pruned'
  | 'source.prepared'
  | 'piece.prepared'
  | 'piece.failed'
  | 'soundtrack.refused'
  | 'speech.bought'
  | 'source.remade'
  | 'source.failed'
  | 'render.started'
  | 'render.finished'
  | 'render.failed'
  | 'render.cancelled'
  | 'message.handed_back'
  | 'message.malformed'
  | 'message.dead_lettered'
  | 'message.quarantined'
  | 'manifest.failed'
  | 'output.left_over'
  | 'output.paced'
  | 'push.accepted'
  | 'push.refused'
  | 'push.not_set_up'
  | 'record.forged'
  | 'request.failed'
  | 'answer.broken'
  | 'answer.unread'
  | 'video.not_linked'
  | 'request.locked_out'
  | 'request.refused'
  | 'sweep.failed'
  | 'sweep.repaired'
  | 'telemetry.dropped'
  | 'telemetry.failing'
  | 'telemetry.working'
  | 'uploads.pruned'
  | 'uploads.not_pruned'
  | 'webhook.delivered'
  | 'webhook.dropped'
  | 'webhook.failed'
  | 'webhook.given_up';

export interface LogFields {
  event: EventName;
  task_id?: string;
  task_name?: string;
  index?: number;
  /** Cloud Logging shows lines with the same insertId only once. */
  insertId?: string;
  error?: unknown;
  [field: string]: unknown;
}

type Write = (message: string, fields: LogFields) => void;

/** `notice` is written at every LOG_LEVEL, for what the person who starts the service must see. */
export type Log = Readonly<Record<LogLevel | 'notice', Write>>;

export interface LogOptions {
  level: LogLevel;
  /** Plain text for a terminal instead of JSON. */
  pretty: boolean;
  /** Extra fields for JSON lines that say what the current work belongs to, such as its trace. */
  context?: () => Record<string, unknown>;
  write: (line: string) => void;
}

export function createLog({ level, pretty, write, context = () => ({}) }: LogOptions): Log {
  const threshold = LOG_LEVELS.indexOf(level);
  const lineOf: LineOf = pretty
    ? prettyLine
    : (severity, message, fields) => jsonLine(severity, message, { ...context(), ...fields });
  const line =
    (severity: keyof typeof SEVERITY): Write =>
    (message, fields) =>
      write(`${lineOf(severity, message, fields)}\n`);
  const at = (own: LogLevel): Write => (LOG_LEVELS.indexOf(own) >= threshold ? line(own) : () => {});
  return {
    debug: at('debug'),
    info: at('info'),
    notice: line('notice'),
    warn: at('warn'),
    error: at('error'),
  };
}

type LineOf = (level: keyof typeof SEVERITY, message: string, fields: LogFields) => string;

function jsonLine(
  level: keyof typeof SEVERITY,
  message: string,
  { error, insertId, ...fields }: LogFields,
): string {
  const line = JSON.stringify({
    severity: SEVERITY[level],
    message,
    timestamp: new Date().toISOString(),
    ...fields,
    ...(insertId === undefined ? {} : { 'logging.googleapis.com/insertId': insertId }),
    ...(error === undefined ? {} : { error: describe(error) }),
  });
  // JSON itself escapes only some of them. The escapes are JSON, too, and whoever parses the line gets the text.
  return escapeHidden(line);
}

function prettyLine(level: keyof typeof SEVERITY, message: string, fields: LogFields): string {
  const time = new Date().toTimeString().slice(0, 8);
  const mark = level === 'info' || level === 'notice' ? '' : `${SEVERITY[level]} `;
  // Names and errors come from others. None of them may command the terminal, or look like a line of its own.
  const details = fields.error === undefined ? [] : describe(fields.error).split('\n');
  // An expected error has no stack, and the message may have said it all.
  if (isExpected(fields.error) && message.includes(fields.error.message)) details.shift();
  const lines = [
    `${time} ${mark}${escapeHidden(`${taskOf(message, fields)}${message}`)}`,
    ...details.map((line) => `  ${escapeHidden(line)}`),
  ];
  return lines.join('\n');
}

/** Which task a line is about, unless its message says so. */
function taskOf(message: string, { task_name, task_id }: LogFields): string {
  const task = task_name ?? task_id;
  return task === undefined || message.includes(`"${task}"`) ? '' : `"${task}": `;
}

/**
 * The error with its causes, and with its stack if it may be a bug: where an expected error comes from helps nobody. Only
 * the log may show them.
 */
function describe(error: unknown, withStack = !isExpected(error)): string {
  if (!(error instanceof Error)) return withoutQueries(String(error));
  const plain = `${error.name}: ${error.message}`;
  const own = withoutQueries(withStack ? (error.stack ?? plain) : plain);
  return error.cause === undefined ? own : `${own}\nCaused by: ${describe(error.cause, withStack)}`;
}

/** Vendors' clients quote signed URLs and upload session URLs in their errors. Their queries grant access like a key. */
function withoutQueries(text: string): string {
  // The query is looked for in what was matched: in the expression it would take quadratic time on "http://http://…".
  return text.replace(/\bhttps?:\/\/[^\s'"`<>]+/g, (url) => url.replace(/\?.*/, '?***'));
}
