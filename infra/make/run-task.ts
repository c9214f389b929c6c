/** Starts the task of a job, or goes on with the one that an earlier run started. */
import { basename } from 'node:path';
import { counted } from '../../functions/base/counted.ts';
import {
  type Client,
  type ProcessMediaRequest,
  ServiceError,
  type StatusView,
} from '../../functions/client/client.ts';
import { clipName } from '../../functions/model/clip-name.ts';
import { createProgressBar } from '../report/progress-bar.ts';
import { explained } from './explained.ts';
import type { LocalFile } from './local-files.ts';
import { hash, type Note, type Sent } from './note.ts';
import type { Job } from './read-job.ts';
import { sayWarnings } from './say-warnings.ts';
import { sendFiles } from './send-files.ts';
import { shownPath } from './shown-path.ts';
import { isObject, mapSources } from './source-fields.ts';
import { withRetries } from './with-retries.ts';

export interface RunOptions {
  client: Client;
  job: Job;
  note: Note;
  again: boolean;
  /** That choices are drawn with. */
  seed: number;
  /** Where progress is shown. */
  stream: NodeJS.WriteStream;
  /** Shows a remark. */
  say: (text: string) => void;
  signal: AbortSignal;
}

export interface Run {
  /** The task, then its retries. */
  tasks: readonly string[];
  /** An earlier run had made everything. */
  wasMade: boolean;
}

/** Resolves once the task has ended, however. */
export async function runTask({ again, ...options }: RunOptions): Promise<Run> {
  const { job, note, seed, say } = options;
  const own = { ...options, inputs: inputsOf(job) };
  await note.begin(own.inputs, again, seed);
  const earlier = await earlierTask(own);
  if (earlier !== undefined) {
    const next = await continued(earlier, own);
    if (next !== 'anew') return next;
    await note.begin(own.inputs, true, seed);
  } else if (note.tasks(own.inputs).length > 0) {
    say('The task of the earlier run is not there any more, so it is posted again.');
    await note.begin(own.inputs, true, seed);
  }
  await post(own);
  return await watched(own);
}

type OwnOptions = Omit<RunOptions, 'again'> & { inputs: string };

/** Hash of all that a task is made of: another one for a changed file or option. */
function inputsOf({ request, files }: Job): string {
  const facts = [...files].map(([url, { real, bytes, modifiedMs }]) => ({ url, real, bytes, modifiedMs }));
  return hash({ request, files: facts });
}

/** Undefined if there is none, or somebody deleted it. */
async function earlierTask({ client, note, inputs, signal }: OwnOptions): Promise<StatusView | undefined> {
  const id = note.tasks(inputs).at(-1);
  if (id === undefined) return undefined;
  try {
    return await withRetries(() => client.status(id, { signal }), signal);
  } catch (error) {
    if (ServiceError.is(error) && error.status === 404 && error.code !== null) return undefined;
    throw error;
  }
}

async function continued(earlier: StatusView, options: OwnOptions): Promise<Run | 'anew'> {
  const { client, job, note, inputs, say, signal } = options;
  const { task_id, task_name, combinations, succeeded, failed, cancelled } = earlier;
  if (earlier.completed_at === null) {
    say(`Going on with "${task_name}": ${counted(combinations, 'video')}`);
    return await watched(options);
  }
  if (succeeded === combinations) return { tasks: note.tasks(inputs), wasMade: true };
  if (cancelled > 0) {
    say(`The earlier task "${task_name}" was cancelled, so a new one is posted.`);
    return 'anew';
  }
  // The service has what was uploaded for some days only, and a retry takes the same.
  if ([...job.files.values()].some((file) => note.sentOf(file) === undefined)) {
    say(
      `${counted(failed, 'video')} of "${task_name}" failed some days ago: uploading again, for a new task`,
    );
    return 'anew';
  }
  say(`${counted(failed, 'video')} of "${task_name}" failed before: trying again`);
  const { task_id: id } = await withRetries(() => client.retry(task_id, { signal }), signal);
  await note.started(id);
  return await watched(options);
}

async function watched({ client, job, note, inputs, stream, signal }: OwnOptions): Promise<Run> {
  const { captions } = job.request;
  const hasCaptions = isObject(captions) && captions['mode'] === 'burn';
  using bar = createProgressBar(stream, { hasCaptions });
  const tasks = note.tasks(inputs);
  await client.ended(tasks.at(-1) as string, { signal, onStatus: (status) => bar.update(status) });
  return { tasks, wasMade: false };
}

async function post(options: OwnOptions): Promise<void> {
  const { client, job, note, say, signal } = options;
  const shown = (path: string) => shownPath(path, job.target);
  for (let isSecond = false; ; isSecond = true) {
    const sent = await sendFiles({ ...options, files: job.files.values(), shown });
    const request = { ...withUploads(job, sent), seed: note.seed() ?? options.seed };
    // Repeated by a run whose predecessor ended before it noted the task, it starts no second one.
    const idempotencyKey = note.keyFor(request);
    try {
      const accepted = await withRetries(() => client.submit(request, { idempotencyKey, signal }), signal);
      await note.started(accepted.task_id);
      sayWarnings(accepted.warnings, request, say);
      say(`"${accepted.task_name}": ${counted(accepted.combinations, 'video')}, seed ${accepted.seed}`);
      return;
    } catch (error) {
      if (isSecond || !areUploadsGone(error)) throw explained(error, job);
      say('The service has no longer what an earlier run uploaded, so it is uploaded again.');
      await note.forgetSent();
    }
  }
}

/** The request with the uploads in place of local files. */
function withUploads({ request, files }: Job, sent: ReadonlyMap<string, Sent>): ProcessMediaRequest {
  return mapSources(request, (url) => {
    const file = files.get(url);
    return file === undefined ? { url } : uploadOf(file, sent.get(file.real) as Sent);
  }) as unknown as ProcessMediaRequest;
}

/** A file that was sent under the name of another link to it is told its own. */
function uploadOf({ path }: LocalFile, { url, name }: Sent): { url: string; name?: string } {
  const own = clipName(basename(path));
  return clipName(name) === own || !/[\p{L}\p{N}]/u.test(own) ? { url } : { url, name: own };
}

function areUploadsGone(error: unknown): boolean {
  return (
    ServiceError.is(error) &&
    error.mistakes.some(
      ({ code, message }) =>
        code === 'invalid_url' && message.startsWith('Expected an upload that is complete'),
    )
  );
}
