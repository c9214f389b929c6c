/** The manifest of an ended task, and all of its videos in one file. */
import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { makeZip, predictLength } from 'client-zip';
import pLimit from 'p-limit';
import { attachmentAs, inlineAs } from '../base/content-disposition.ts';
import { manifestName } from '../model/names.ts';
import type { Report } from '../model/report.ts';
import type { Task } from '../model/task.ts';
import { joinOfTask } from '../pipeline/join-view.ts';
import { type Manifest, manifestCsv, manifestJson } from '../pipeline/manifest.ts';
import { NOT_BEGUN, renderOutcome } from '../pipeline/render-view.ts';
import { allReports } from '../pipeline/reporting.ts';
import { costOfTask } from '../pipeline/task-cost.ts';
import type { FoundFile } from '../ports/outputs.ts';
import { queryMistake } from './query.ts';
import { findVideo, readWhole } from './saved-file.ts';
import { streamed } from './streamed.ts';
import { checkEnded, knownTask } from './task-status.ts';
import { goneVideos, noVideo, unknownRender, type VideoDeps } from './video.ts';

const FORMATS = {
  json: { type: 'application/json', pieces: manifestJson, disposition: inlineAs },
  csv: { type: 'text/csv; charset=utf-8', pieces: manifestCsv, disposition: attachmentAs },
} as const;
type Format = keyof typeof FORMATS;

/** Most indexes of a zip of some videos. As many of the longest ones fit into an address. */
const MOST_CHOSEN = 1_000;
const INDEX = /^[1-9]\d{0,6}$/;
/** Videos that are looked for at a time, before a zip begins. */
const LOOKS_AT_ONCE = 16;

/** GET /tasks/{task_id}/manifest.json and .csv */
export async function getManifest(taskId: string, format: Format, deps: VideoDeps): Promise<Response> {
  const manifest = await endedTask(taskId, deps);
  const name = manifestName(taskId, format);
  const body = streamed(() => bytesOf(manifest, format), { what: name, log: deps.log });
  const { type, disposition } = FORMATS[format];
  return new Response(body, { headers: { 'content-type': type, 'content-disposition': disposition(name) } });
}

/**
 * GET /tasks/{task_id}/manifest.zip?renders=: the manifest and the chosen videos, or all that succeeded, with the files beside
 * them, under their names, uncompressed. Every file is looked for first, so that a zip which begins can also end.
 * @param renders indexes, with commas between them; null: all
 */
export async function getZip(
  request: Request,
  taskId: string,
  renders: string | null,
  deps: VideoDeps,
): Promise<Response> {
  const chosen = renders === null ? undefined : chosenIn(renders);
  const manifest = await endedTask(taskId, deps);
  const reports =
    chosen === undefined
      ? manifest.reports.filter(({ status }) => status === 'succeeded')
      : chosenReports(manifest, chosen);
  const entries = [
    await manifestEntry(manifest, 'json'),
    await manifestEntry(manifest, 'csv'),
    ...(await videoEntries(manifest.task, reports, request.signal, deps)),
  ];
  const some = chosen === undefined ? '' : `, ${reports.length} video${reports.length === 1 ? '' : 's'}`;
  const name = `${manifest.task.name.replace(/[\p{C}/\\:*?"<>|]/gu, '_')}${some}.zip`;
  const body = streamed((signal) => zipOf(entries, signal), { what: name, log: deps.log });
  return new Response(body, {
    headers: {
      'content-type': 'application/zip',
      'content-disposition': attachmentAs(name),
      'content-length': String(predictLength(entries)),
    },
  });
}

/** Throws RequestError for an unknown task, and for one that has not ended. */
async function endedTask(taskId: string, deps: VideoDeps): Promise<Manifest> {
  const { task, progress } = await knownTask(taskId, deps);
  const finishedAt = checkEnded(progress);
  const [reports, join] = [await allReports(task, deps.reports), await joinOfTask(task, deps.pins)];
  const cost = await costOfTask({ task, reports, finishedAt }, deps);
  return { task, finishedAt, reports, join, cost };
}

/** Throws RequestError invalid_request for what is no list of indexes. */
function chosenIn(renders: string): ReadonlySet<number> {
  const indexes = renders.split(',');
  if (indexes.length > MOST_CHOSEN) {
    const most = MOST_CHOSEN.toLocaleString('en');
    const next = 'Leave it out for all, or ask for the rest apart.';
    throw queryMistake('renders', `Expected at most ${most} indexes, got ${indexes.length}. ${next}`);
  }
  const odd = indexes.find((index) => !INDEX.test(index));
  if (odd === undefined) return new Set(indexes.map(Number));
  throw queryMistake(
    'renders',
    `Expected the indexes of videos, as in 1,4,7, got ${JSON.stringify(odd.slice(0, 40))}. Leave it out for all.`,
  );
}

/** In the order of the task. Throws RequestError not_found, and not_made for one that failed or was cancelled. */
function chosenReports({ task, reports }: Manifest, chosen: ReadonlySet<number>): Report[] {
  const known = new Set(task.plan.combinations.map(({ index }) => index));
  const unknown = [...chosen].find((index) => !known.has(index));
  if (unknown !== undefined) throw unknownRender(task, String(unknown));
  const found = reports.filter(({ index }) => chosen.has(index));
  const missing = found.find(({ status }) => status !== 'succeeded');
  const combination = task.plan.combinations.find(({ index }) => index === missing?.index);
  if (combination === undefined) return found;
  throw noVideo(task, renderOutcome(task, combination, missing, NOT_BEGUN));
}

async function* bytesOf(manifest: Manifest, format: Format): AsyncGenerator<Uint8Array> {
  for (const piece of FORMATS[format].pieces(manifest)) {
    yield Buffer.from(piece);
    await turnOfOthers();
  }
}

interface Entry {
  name: string;
  size: number;
  lastModified: number;
  read: (signal: AbortSignal) => AsyncGenerator<Uint8Array>;
}

async function manifestEntry(manifest: Manifest, format: Format): Promise<Entry> {
  let size = 0;
  for await (const piece of bytesOf(manifest, format)) size += piece.length;
  return {
    name: manifestName(manifest.task.id, format),
    size,
    lastModified: manifest.finishedAt,
    read: () => bytesOf(manifest, format),
  };
}

/** With the files beside them, as far as these are there. Throws RequestError video_gone if a video is missing. */
async function videoEntries(
  task: Task,
  reports: readonly Report[],
  signal: AbortSignal,
  deps: VideoDeps,
): Promise<Entry[]> {
  const limit = pLimit(LOOKS_AT_ONCE);
  const names = reports.flatMap(({ fileName, files = [] }) => [
    { name: fileName, isVideo: true },
    // Someone who has removed a cover still wants the videos.
    ...files.map((beside) => ({ name: beside.fileName, isVideo: false })),
  ]);
  const looking = names.map(({ name }) => limit(() => findVideo(task, name, deps, signal)));
  // After a failure nobody waits for the rest.
  const files = await Promise.all(looking).finally(() => limit.clearQueue());
  const found = names.map((one, at) => ({ ...one, file: files[at] }));
  const gone = found.filter(({ isVideo, file }) => isVideo && file === undefined);
  if (gone.length > 0) throw goneVideos(gone.map(({ name }) => name));
  return found.flatMap(({ name, file }) => (file === undefined ? [] : [videoEntry(name, file)]));
}

function videoEntry(name: string, file: FoundFile): Entry {
  const { bytes: size, modifiedAt: lastModified } = file;
  return { name, size, lastModified, read: (signal) => readWhole(file, signal) };
}

/** One entry after the other. The package leaves a file open if its own reader goes away, so the signal closes it. */
async function* zipOf(entries: readonly Entry[], signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  function* inputs() {
    for (const { read, ...about } of entries) yield { ...about, input: read(either) };
  }
  const chunks = makeZip(inputs()).values({ preventCancel: true });
  try {
    yield* chunks;
  } finally {
    left.abort();
  }
}
