/** What a run remembers for the next one with the same folder and service: which files it sent, and which task it started. */
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../functions/base/canonical-json.ts';
import type { LocalFile } from './local-files.ts';
import { isObject } from './source-fields.ts';

/** A file that the service has. */
export interface Sent {
  /** `upload:…`. */
  url: string;
  /** As it was announced. */
  name: string;
}

interface SentNote extends Sent {
  bytes: number;
  modifiedMs: number;
  /** Milliseconds since the epoch. */
  at: number;
}

interface Content {
  version: number;
  /** For people who look into the file. */
  target: string;
  /** By path without links. */
  sent: Record<string, SentNote>;
  /** The newest last. */
  runs: RunNote[];
}

interface RunNote {
  /** Hash of what the task is made of: the request, and size and time of each file. */
  inputs: string;
  /** Drawn for each task that is meant to be a new one. With the same, a repeated request starts no second task. */
  draw: string;
  /** Ids: the task, then its retries. */
  tasks: string[];
  /** That the choices are drawn with. */
  seed?: number;
}

export interface Note {
  /** Of exactly these inputs: the task, then its retries. */
  tasks(inputs: string): readonly string[];
  /** Before anything is posted. With `anew`, earlier tasks of these inputs are forgotten. */
  begin(inputs: string, anew: boolean, seed: number): Promise<void>;
  /** Of the inputs that were begun with: also of a run that ended before it started its task. */
  seed(): number | undefined;
  /** A task of the inputs that were begun with. */
  started(taskId: string): Promise<void>;
  /** The upload of a file that has not changed since, unless it is too old to be named. */
  sentOf(file: LocalFile): Sent | undefined;
  sent(file: LocalFile, sent: Sent): Promise<void>;
  /** The service has them no longer. */
  forgetSent(): Promise<void>;
  /** The same for the same request, also in the next run, until it is begun anew. */
  keyFor(request: object): string;
}

const VERSION = 1;
/** Of one folder with different options. */
const MOST_RUNS = 20;
/** A day less than uploads are kept, for the time until the task is posted. */
const SENT_KEPT_MS = 6 * 86_400_000;

/**
 * A damaged note, or one of another version, counts as none.
 * @param folder must be there
 * @param service what tells services apart
 */
export async function openNote(
  folder: string,
  target: string,
  service: string,
  now: () => number = Date.now,
): Promise<Note> {
  const file = join(folder, `${noteName(target, service)}.json`);
  const content = (await contentOf(file)) ?? emptyContent(target);
  let saving = Promise.resolve();
  const save = () => {
    saving = saving.then(() => write(file, content));
    return saving;
  };
  const isKept = ({ at }: SentNote) => now() - at < SENT_KEPT_MS;
  const runOf = (inputs: string) => content.runs.find((run) => run.inputs === inputs);
  const current = () => content.runs.at(-1) ?? newRun('');
  return {
    tasks: (inputs) => runOf(inputs)?.tasks ?? [],
    begin(inputs, anew, seed) {
      const run = (anew ? undefined : runOf(inputs)) ?? { ...newRun(inputs), seed };
      const others = content.runs.filter((other) => other.inputs !== inputs);
      content.runs = [...others, run].slice(-MOST_RUNS);
      content.sent = Object.fromEntries(Object.entries(content.sent).filter(([, sent]) => isKept(sent)));
      return save();
    },
    seed: () => current().seed,
    started(taskId) {
      current().tasks.push(taskId);
      return save();
    },
    sentOf({ real, bytes, modifiedMs }) {
      const found = Object.hasOwn(content.sent, real) ? content.sent[real] : undefined;
      if (found === undefined || found.bytes !== bytes || found.modifiedMs !== modifiedMs) return undefined;
      return isKept(found) ? found : undefined;
    },
    sent({ real, bytes, modifiedMs }, { url, name }) {
      content.sent[real] = { url, name, bytes, modifiedMs, at: now() };
      return save();
    },
    forgetSent() {
      content.sent = {};
      return save();
    },
    keyFor: (request) => hash({ draw: current().draw, request }),
  };
}

/** Another one for each folder and service. @param service what tells services apart */
export function noteName(target: string, service: string): string {
  return createHash('sha256').update(`${target}\n${service}`).digest('hex').slice(0, 32);
}

/** SHA-256 of a JSON value, in hexadecimal. */
export function hash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function emptyContent(target: string): Content {
  return { version: VERSION, target, sent: {}, runs: [] };
}

function newRun(inputs: string): RunNote {
  return { inputs, draw: randomUUID(), tasks: [] };
}

async function contentOf(file: string): Promise<Content | undefined> {
  try {
    const read: unknown = JSON.parse(await readFile(file, 'utf8'));
    return isContent(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

function isContent(read: unknown): read is Content {
  if (!isObject(read) || read['version'] !== VERSION) return false;
  const { sent, runs } = read;
  return (
    isObject(sent) && Object.values(sent).every(isSentNote) && Array.isArray(runs) && runs.every(isRunNote)
  );
}

function isSentNote(one: unknown): boolean {
  return isObject(one) && typeof one['url'] === 'string' && typeof one['name'] === 'string';
}

function isRunNote(one: unknown): boolean {
  if (!isObject(one)) return false;
  const { inputs, draw, tasks, seed } = one;
  const isList = Array.isArray(tasks) && tasks.every((id) => typeof id === 'string');
  return (
    isList &&
    (seed === undefined || typeof seed === 'number') &&
    typeof inputs === 'string' &&
    typeof draw === 'string'
  );
}

/** Whoever is killed meanwhile leaves the note of before. */
async function write(file: string, content: Content): Promise<void> {
  const unfinished = `${file}.${randomUUID()}.part`;
  try {
    // Uploads can be named by whoever knows their ids.
    await writeFile(unfinished, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
