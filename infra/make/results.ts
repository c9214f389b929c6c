/** What became of a task and its retries, and pictures of it. */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { counted } from '../../functions/base/counted.ts';
import { type Client, ServiceError, type StatusView } from '../../functions/client/client.ts';
import type { Config } from '../../functions/config/config.ts';
import type { ManifestView } from '../../functions/model/answers/manifest.ts';
import type { RenderView } from '../../functions/model/answers/render.ts';
import { shownTiles, tilesOf } from '../report/contact-sheet.ts';
import { drawContactSheets } from '../report/draw-sheets.ts';
import type { Totals } from '../report/report-table.ts';
import { withRetries } from './with-retries.ts';

export type Cost = ManifestView['cost'];

/**
 * Where the service keeps files: in this process, on this machine as far as it says (a container has folders of its own), or
 * on another one, whose paths mean nothing here.
 */
export type Place = 'own' | 'here' | 'elsewhere';

export interface Results {
  place: Place;
  /** Of all videos, each as its last task left it. */
  renders: RenderView[];
  totals: Totals;
  /** Of all tasks together; undefined if no manifest says so. */
  cost: Cost | undefined;
  /** Absolute path of the folder of the videos, if it is on this machine. */
  folder: string | undefined;
  /** The task without its retries: their videos are the same. */
  taskId: string;
  /** Finished videos that are on this machine no longer. */
  missing: number;
}

/** @param tasks a task, then its retries; those that were deleted are left out */
export async function collectResults(
  client: Client,
  tasks: readonly string[],
  { place, signal }: { place: Place; signal: AbortSignal },
): Promise<Results> {
  const byFile = new Map<string, RenderView>();
  const costs: Cost[] = [];
  let last: StatusView | undefined;
  for (const id of tasks) {
    const found = await withRetries(() => taskResults(client, id, signal), signal).catch((error: unknown) => {
      if (id !== tasks.at(-1) && ServiceError.is(error) && error.status === 404) return undefined;
      throw error;
    });
    if (found === undefined) continue;
    last = found.status;
    for (const render of found.renders) byFile.set(render.file_name, render);
    if (found.cost !== undefined) costs.push(found.cost);
  }
  const status = last as StatusView;
  const renders = [...byFile.values()];
  const count = (wanted: RenderView['status']) => renders.filter((render) => render.status === wanted).length;
  const folder = place !== 'elsewhere' && isFolder(status.output_folder) ? status.output_folder : undefined;
  return {
    place,
    renders,
    totals: {
      ...status,
      combinations: renders.length,
      succeeded: count('succeeded'),
      failed: count('failed'),
      cancelled: count('cancelled'),
    },
    cost: costs.length === 0 ? undefined : costs.reduce(added),
    folder,
    taskId: tasks[0] as string,
    missing: folder !== undefined || place === 'own' ? renders.filter(isMissing).length : 0,
  };
}

async function taskResults(client: Client, id: string, signal: AbortSignal) {
  const status = await client.status(id, { signal });
  const renders: RenderView[] = [];
  for await (const render of client.renders(id, { signal })) renders.push(render);
  // A task that was cancelled early may have none.
  const manifest = await client.manifest(id, { signal }).catch(() => signal.throwIfAborted());
  return { status, renders, cost: manifest?.cost };
}

/** `0.1200 USD, 340 characters bought, 12.3 s of work` */
export function costText({ usd, speech_characters, compute_seconds }: Cost): string {
  const dollars = usd === 0 ? '0' : usd.toFixed(usd < 1 ? 4 : 2);
  return `${dollars} USD, ${counted(speech_characters, 'character')} bought, ${compute_seconds.toFixed(1)} s of work`;
}

export interface Sheets {
  /** Paths. */
  sheets: string[];
  /** What is not on them, or why there are none. */
  remark: string | undefined;
}

/** A picture is no reason to fail: without one, the remark says why. */
export async function drawSheets(
  { place, renders, folder, taskId }: Results,
  config: Pick<Config, 'ffmpegBin' | 'searchPath'>,
  options: { say: (text: string) => void; signal: AbortSignal },
): Promise<Sheets> {
  const tiles = place === 'elsewhere' ? [] : tilesOf(renders);
  const [first] = tiles;
  if (first === undefined) {
    const isAnyMade = renders.some(({ status }) => status === 'succeeded');
    return { sheets: [], remark: isAnyMade ? 'none: the videos are not on this machine' : undefined };
  }
  const shown = shownTiles(tiles);
  if (shown.length > 50) options.say(`Drawing a contact sheet of ${counted(shown.length, 'video')} ...`);
  try {
    const { signal } = options;
    const sheets = await drawContactSheets({
      tiles: shown,
      folder: folder ?? dirname(first.path),
      taskId,
      config,
      signal,
    });
    const remark =
      shown.length < tiles.length ? `shows ${shown.length} of ${tiles.length}, spread evenly` : undefined;
    return { sheets, remark };
  } catch (error) {
    options.signal.throwIfAborted();
    return { sheets: [], remark: `none: ${error instanceof Error ? error.message : error}` };
  }
}

/** A program of that name would be started when it is shown. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isMissing({ status, url }: RenderView): boolean {
  return status === 'succeeded' && url !== null && url.startsWith('file:') && !existsSync(fileURLToPath(url));
}

function added(one: Cost, other: Cost): Cost {
  return {
    usd: one.usd + other.usd,
    speech_characters: one.speech_characters + other.speech_characters,
    compute_seconds: one.compute_seconds + other.compute_seconds,
  };
}
