import type { Combination, Plan, Source } from './plan.ts';
import type { SideFileKind } from './report.ts';

/** Digits that tell the files of tasks with the same name apart. */
export const SHORT_ID_LENGTH = 6;
const MIN_INDEX_WIDTH = 4;
/** Limit for the names of all clips together. File systems allow 255 bytes; the rest is for index, id and extension. */
const MAX_CLIPS_BYTES = 200;

export function shortId(taskId: string): string {
  return taskId.slice(0, SHORT_ID_LENGTH);
}

/**
 * `0001-hook-body-cta-1a2b3c.mp4`, in its sub-folder if it has one: the same for every delivery of a render, and for its
 * retry.
 */
export function fileName({ fileId, plan }: { fileId: string; plan: Plan }, combination: Combination): string {
  const width = Math.max(MIN_INDEX_WIDTH, String(plan.total).length);
  const index = String(combination.number ?? combination.index).padStart(width, '0');
  const { clips } = combination;
  const room = Math.floor((MAX_CLIPS_BYTES - clips.length) / clips.length);
  const names = clips.map((clip) => cutToBytes(nameOf(plan.sources[clip]), room)).join('-');
  const format = formatOf(plan, combination);
  const name = `${index}-${names}-${shortId(fileId)}${format === undefined ? '' : `_${format}`}.mp4`;
  return [...folderOf(plan, combination), name].join('/');
}

/** What stands behind the name of a video in that of a file beside it. */
const SIDE_FILE_ENDS: Readonly<Record<SideFileKind, string>> = {
  cover: '_thumbnail.jpg',
  srt: '.srt',
  vtt: '.vtt',
};

/** The name of a file beside a video, in the same sub-folder: `0001-hook-body-cta-1a2b3c.srt`. */
export function sideFileName(videoName: string, kind: SideFileKind): string {
  return `${videoName.replace(/\.mp4$/, '')}${SIDE_FILE_ENDS[kind]}`;
}

/** All files that a combination may lead to: its video, and those beside it. */
export function fileNames(task: { fileId: string; plan: Plan }, combination: Combination): string[] {
  const { cover, captions } = task.plan;
  const video = fileName(task, combination);
  const kinds = [
    ...(cover === undefined ? [] : (['cover'] as const)),
    ...(combination.line === null ? [] : (captions?.files ?? [])),
  ];
  return [video, ...kinds.map((kind) => sideFileName(video, kind))];
}

/** The sub-folders of the videos of a plan, as paths in its folder. */
export function subFoldersOf(plan: Plan): string[] {
  const paths = plan.combinations.map((combination) => folderOf(plan, combination).join('/'));
  return [...new Set(paths)].filter((path) => path !== '');
}

function folderOf(plan: Plan, combination: Combination): string[] {
  const line = combination.line === null ? undefined : plan.sources[combination.line];
  const group = line?.kind === 'line' ? line.group : undefined;
  return [group, formatOf(plan, combination)].filter((name) => name !== undefined);
}

function formatOf({ formats }: Plan, { format }: Combination): string | undefined {
  return format === undefined ? undefined : formats?.[format]?.name;
}

export function manifestName(taskId: string, extension: 'json' | 'csv'): string {
  return `manifest-${shortId(taskId)}.${extension}`;
}

/** What a task is called in its seal. */
export function taskRecord(taskId: string): string {
  return `task ${taskId}`;
}

/** What a report is called in its seal. */
export function reportRecord(taskId: string, index: number): string {
  return `report ${index} of task ${taskId}`;
}

/** What a claim is called in its seal. */
export function claimRecord(key: string): string {
  return `claim ${key}`;
}

function nameOf(source: Source | undefined): string {
  return source === undefined || source.kind === 'line' ? '' : source.name;
}

/** The longest beginning of a text that fits into `most` bytes of UTF-8, without splitting a character. */
export function cutToBytes(text: string, most: number): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > most) break;
    kept += character;
  }
  return kept;
}
