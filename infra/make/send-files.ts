/** Uploads the local files of a request, each once. */
import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import pLimit from 'p-limit';
import { counted } from '../../functions/base/counted.ts';
import { type Client, ServiceError } from '../../functions/client/client.ts';
import { barOf, createLiveLine } from '../report/live-line.ts';
import type { LocalFile } from './local-files.ts';
import type { Note, Sent } from './note.ts';
import { withRetries } from './with-retries.ts';

/** While one is sent, the next one is read. */
const AT_A_TIME = 2;
const SHOW_EVERY_MS = 1_000;
const MAX_NAME = 200;
const MB = 1_000_000;

export interface SendOptions {
  client: Client;
  files: Iterable<LocalFile>;
  note: Note;
  /** Where progress is shown. */
  stream: NodeJS.WriteStream;
  /** How a file is called in messages. */
  shown: (path: string) => string;
  signal: AbortSignal;
}

/**
 * What the service calls each file, by its path without links. Files of an earlier run are not sent again. Throws an Error that
 * names all files that the service refuses.
 */
export async function sendFiles(options: SendOptions): Promise<Map<string, Sent>> {
  const { note, stream, signal } = options;
  const sent = new Map<string, Sent>();
  const missing = new Map<string, LocalFile>();
  for (const file of options.files) {
    const earlier = note.sentOf(file);
    if (earlier === undefined) missing.set(file.real, missing.get(file.real) ?? file);
    else sent.set(file.real, earlier);
  }
  // The largest first: what is too large is told at once.
  const queue = [...missing.values()].toSorted((one, other) => other.bytes - one.bytes);
  if (queue.length === 0) return sent;
  const refused: string[] = [];
  {
    using line = sendingLine(stream, queue);
    const send = async (file: LocalFile) => {
      signal.throwIfAborted();
      try {
        const upload = await sendFile(file, options);
        sent.set(file.real, upload);
        await note.sent(file, upload);
        line.sent(file);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refused.push(`  ${options.shown(file.path)}: ${refusalText(error)}`);
      }
    };
    // All that are too large come first. Once one is not, nothing more is sent in vain.
    for (const [at, file] of queue.entries()) {
      await send(file);
      if (refused.length === at + 1) continue;
      if (refused.length === 0) await sendAll(queue.slice(1), send);
      break;
    }
  }
  if (refused.length > 0)
    throw new Error(
      `The service refuses ${counted(refused.length, 'file')}; nothing was started:\n${refused.join('\n')}`,
    );
  return sent;
}

/** Shows how much has arrived. Of a large file that is known at its end only: the seconds show that the work goes on. */
function sendingLine(stream: NodeJS.WriteStream, files: readonly LocalFile[]) {
  const line = createLiveLine(stream);
  const total = bytesOf(files);
  const done: LocalFile[] = [];
  const began = performance.now();
  const show = () => {
    const counts = `${done.length} of ${counted(files.length, 'file')}`;
    const seconds = Math.round((performance.now() - began) / 1000);
    const sizes = `${megabytes(bytesOf(done))} of ${megabytes(total)} MB`;
    line.show(`${barOf(bytesOf(done) / total)} uploading: ${counts}, ${sizes}, ${seconds} s`);
  };
  show();
  const timer = setInterval(show, SHOW_EVERY_MS);
  return {
    sent(file: LocalFile) {
      done.push(file);
      show();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      line[Symbol.dispose]();
    },
  };
}

/** Some at a time. After a failure, none is begun. */
async function sendAll(files: readonly LocalFile[], send: (file: LocalFile) => Promise<void>): Promise<void> {
  const limit = pLimit({ concurrency: AT_A_TIME, rejectOnClear: false });
  try {
    await Promise.all(files.map((file) => limit(send, file)));
  } finally {
    limit.clearQueue();
  }
}

async function sendFile(file: LocalFile, { client, signal, shown }: SendOptions): Promise<Sent> {
  const { path, real, bytes, type } = file;
  // Only what follows the last slash of a name counts, and some systems have other slashes.
  const name = [...basename(path).replaceAll('\\', '_')].slice(0, MAX_NAME).join('');
  try {
    const upload = async () =>
      client.upload({ name, bytes, type, body: await openAsBlob(real, { type }), signal });
    const url = await withRetries(upload, signal);
    if (!(await isUnchanged(file))) throw changed(shown(path));
    return { url, name };
  } catch (error) {
    signal.throwIfAborted();
    if (!(await isUnchanged(file))) throw changed(shown(path));
    throw error;
  }
}

async function isUnchanged({ real, bytes, modifiedMs }: LocalFile): Promise<boolean> {
  const found = await stat(real).catch(() => undefined);
  return found?.size === bytes && found.mtimeMs === modifiedMs;
}

function changed(name: string): Error {
  return new Error(
    `Expected ${name} to stay as it is while it is sent, got a changed file. Next step: start again when it is complete.`,
  );
}

function isRefusal(error: unknown): error is ServiceError {
  return ServiceError.is(error) && (error.status === 422 || error.status === 413);
}

function refusalText(error: ServiceError): string {
  return error.mistakes.length > 0 ? error.mistakes.map(({ message }) => message).join(' ') : error.message;
}

function bytesOf(files: readonly LocalFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function megabytes(bytes: number): string {
  return bytes < 10 * MB ? (bytes / MB).toFixed(1) : String(Math.round(bytes / MB));
}
