/** One combination of a task, and its finished video. */
import { basename } from 'node:path';
import { inlineAs } from '../base/content-disposition.ts';
import { RequestError, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { RenderOutcome } from '../model/answers/render.ts';
import type { Prices } from '../model/cost.ts';
import type { Task } from '../model/task.ts';
import type { FoundFile, OutputStore } from '../ports/outputs.ts';
import { httpDate, isKnown, type Representation, rangeOf } from './byte-range.ts';
import { findVideo, readWhole } from './saved-file.ts';
import { streamed } from './streamed.ts';
import { knownTask, type TasksDeps, viewsOf, withLinks } from './task-status.ts';

export interface VideoDeps extends TasksDeps {
  outputs: Pick<OutputStore, 'find'>;
  /** For the manifest. */
  prices: Prices;
  log: Log;
}

/** How a route names a combination. */
export interface RenderPath {
  taskId: string;
  /** As in the address. */
  index: string;
}

/** GET /tasks/{task_id}/renders/{index} */
export async function getRender(path: RenderPath, base: string, deps: TasksDeps): Promise<Response> {
  const { task, outcome } = await knownRender(path, deps);
  return Response.json(withLinks(outcome, task, base));
}

/** GET /tasks/{task_id}/renders/{index}/video: the file, or where a browser gets it. */
export async function getVideo(request: Request, path: RenderPath, deps: VideoDeps): Promise<Response> {
  const { task, outcome } = await knownRender(path, deps);
  if (outcome.status !== 'succeeded') throw noVideo(task, outcome);
  const file = await findVideo(task, outcome.file_name, deps, request.signal);
  if (file === undefined) throw goneVideos([outcome.file_name]);
  const location = await linkTo(file, outcome, request.signal, deps);
  return location === undefined
    ? videoAnswer(request, file, outcome, deps)
    : new Response(null, { status: 302, headers: { location } });
}

/** Throws RequestError if the plan has no such combination. */
async function knownRender(
  { taskId, index }: RenderPath,
  deps: TasksDeps,
): Promise<{ task: Task; outcome: RenderOutcome }> {
  const { task } = await knownTask(taskId, deps);
  const combination = task.plan.combinations.find((known) => String(known.index) === index);
  const [outcome] = combination === undefined ? [] : await viewsOf(task, [combination], deps);
  if (outcome !== undefined) return { task, outcome };
  throw unknownRender(task, index);
}

/** @param index as in the address */
export function unknownRender({ plan: { combinations }, retryOf }: Task, index: string): RequestError {
  const [first, last] = [combinations[0]?.index, combinations.at(-1)?.index];
  const some = retryOf === null ? '' : ', of which a retry has only some';
  return new RequestError(
    'not_found',
    `Expected the index of a combination of the task, from ${first} to ${last}${some}, got ${JSON.stringify(index.slice(0, 40))}.`,
    { hint: 'GET /tasks/{task_id}/renders lists the combinations with their index.' },
  );
}

export function noVideo(task: Task, { index, status, error }: RenderOutcome): RequestError {
  if (status === 'pending' || status === 'rendering')
    return new RequestError(
      'not_finished',
      `Expected video ${index} to be finished, got one that is ${status}.`,
    );
  const why = error === null ? 'it was cancelled' : `it failed: ${error.code}, ${error.message}`;
  const detail = `Expected video ${index} of task "${task.name}", got none: ${why}`;
  return new RequestError('not_made', detail, error === null ? {} : { hint: error.hint });
}

/** Most names of files that a message lists. */
const MOST_NAMED = 5;

export function goneVideos(fileNames: readonly string[]): RequestError {
  const named = fileNames.slice(0, MOST_NAMED).join(', ');
  const more = fileNames.length > MOST_NAMED ? ` and ${fileNames.length - MOST_NAMED} more` : '';
  return new RequestError(
    'video_gone',
    `Expected ${named}${more} in the output folder of the task, got none.`,
  );
}

/** If an address cannot be had, as with the credentials of a person, the service sends the bytes itself. */
async function linkTo(
  file: FoundFile,
  { file_name }: RenderOutcome,
  signal: AbortSignal,
  { log }: VideoDeps,
): Promise<string | undefined> {
  try {
    return await file.link(signal);
  } catch (error) {
    if (!TransientError.is(error)) throw error;
    log.warn(`${file_name} is sent by the service itself. ${error.message}`, {
      event: 'video.not_linked',
      error,
    });
    return undefined;
  }
}

function videoAnswer(
  request: Request,
  file: FoundFile,
  { file_name: name }: RenderOutcome,
  { log }: VideoDeps,
): Response {
  const { bytes, modifiedAt, version } = file;
  const now: Representation = { bytes, modifiedAt, etag: `"${version}"` };
  const about = {
    etag: now.etag,
    'last-modified': httpDate(modifiedAt),
    'accept-ranges': 'bytes',
    // A browser keeps what it has, and asks whether it is still the same: a removed video is gone everywhere.
    'cache-control': 'private, no-cache',
  };
  if (isKnown(request, now)) return new Response(null, { status: 304, headers: about });
  const range = rangeOf(request, now);
  const { from, to } = range ?? { from: 0, to: bytes - 1 };
  const body = streamed((signal) => readWhole(file, signal, { from, to }), { what: name, log });
  return new Response(body, {
    status: range === undefined ? 200 : 206,
    headers: {
      ...about,
      'content-type': 'video/mp4',
      // Where a browser opens the address itself, it makes a page with a player, which loads the video once more.
      'content-security-policy': "default-src 'none'; media-src 'self'; frame-ancestors 'none'",
      // A browser keeps no folders.
      'content-disposition': inlineAs(basename(name)),
      'content-length': String(to - from + 1),
      ...(range === undefined ? {} : { 'content-range': `bytes ${from}-${to}/${bytes}` }),
    },
  });
}
