import { remembered } from '../base/remembered.ts';
import { fillTemplate, hasValue, readTemplate, type Values } from './file-name-template.ts';
import type { Combination, Plan, Source } from './plan.ts';
import { comparable, portableFolder, portableText } from './portable-name.ts';
import type { SideFileKind } from './report.ts';
import type { OutputFolder, Task } from './task.ts';

/** Digits that tell the files of tasks with the same name apart. */
export const SHORT_ID_LENGTH = 6;
const VIDEO_END = '.mp4';
const MIN_INDEX_WIDTH = 4;
/** Size of a name without extension: of 255 bytes, "_thumbnail.jpg" takes 14. */
const MAX_STEM = 241;
/** Limit for the names of all clips together. File systems allow 255 bytes; the rest is for index, id and extension. */
const MAX_CLIPS_BYTES = 200;

export function shortId(taskId: string): string {
  return taskId.slice(0, SHORT_ID_LENGTH);
}

/** What names are made of. */
export type NamedTask = Pick<Task, 'name' | 'fileId' | 'plan'>;

/**
 * `0001-hook-body-cta-1a2b3c.mp4`, or as the template of the plan says; in its sub-folder if it has one. The same for every
 * delivery of a render, and for its retry.
 */
export function fileName(task: NamedTask, combination: Combination): string {
  const { plan } = task;
  const stem = plan.fileName === undefined ? usualStem(task, combination) : stemFrom(task, combination);
  return [...folderOf(plan, combination), `${stem ?? indexAndId(task, combination)}${VIDEO_END}`].join('/');
}

/** The same by the template of the plan; undefined if it leaves no room for the name. */
export function nameByTemplate(task: NamedTask, combination: Combination): string | undefined {
  const stem = stemFrom(task, combination);
  return stem === undefined
    ? undefined
    : [...folderOf(task.plan, combination), `${stem}${VIDEO_END}`].join('/');
}

function usualStem(task: NamedTask, combination: Combination): string {
  const { clips } = combination;
  const room = Math.floor((MAX_CLIPS_BYTES - clips.length) / clips.length);
  const names = clips
    .map((clip) => cutToBytes(portableText(nameOf(task.plan.sources[clip])), room))
    .join('-');
  return `${paddedIndex(task, combination)}-${names}-${shortId(task.fileId)}${formatEnd(task.plan, combination)}`;
}

/** Undefined if the template is longer than a name may be. */
function stemFrom({ name, fileId, plan }: NamedTask, combination: Combination): string | undefined {
  const { fileName: template = '', sources, blocks = [], lines = [] } = plan;
  const source = (number: number | null) => (number === null ? undefined : sources[number]);
  const spoken = source(combination.line);
  const line = spoken?.kind === 'line' ? spoken : undefined;
  const end = hasValue(template, 'format') ? '' : formatEnd(plan, combination);
  // Where it is not in the name, it may have to be added.
  const idRoom = hasValue(template, 'id') ? 0 : SHORT_ID_LENGTH + 1;
  const values: Values = {
    plain: {
      index: paddedIndex({ plan }, combination),
      task: name,
      format: formatOf(plan, combination) ?? '',
      track: nameOf(source(combination.track)),
      line: combination.line === null ? '' : String(lines.indexOf(combination.line) + 1),
      voice: line?.voice ?? '',
      id: shortId(fileId),
      language: line?.language ?? '',
      group: line?.group ?? '',
    },
    block(wanted) {
      const at = blocks.findIndex((block) => block.name === wanted);
      const clip = combination.clips[at] ?? null;
      return { clip: nameOf(source(clip)), number: String((blocks[at]?.clips.indexOf(clip) ?? -1) + 1) };
    },
  };
  const stem = fillTemplate(readTemplate(template), values, MAX_STEM - idRoom - end.length);
  return stem === undefined ? undefined : `${stem}${end}`;
}

function indexAndId(task: NamedTask, combination: Combination): string {
  return `${paddedIndex(task, combination)}-${shortId(task.fileId)}${formatEnd(task.plan, combination)}`;
}

function paddedIndex({ plan }: Pick<Task, 'plan'>, { index, number = index }: Combination): string {
  return String(number).padStart(Math.max(MIN_INDEX_WIDTH, String(plan.total).length), '0');
}

function formatEnd(plan: Plan, combination: Combination): string {
  const format = formatOf(plan, combination);
  return format === undefined ? '' : `_${format}`;
}

const SIDE_FILE_ENDS = { cover: '_thumbnail.jpg', srt: '.srt', vtt: '.vtt' } as const;

/**
 * What a file beside a video is called: `0001-a_9x16_thumbnail.jpg`, `0001-a_9x16.de_DE.srt`. Players and uploaders pair it with
 * the video by the name before that. Facebook takes captions only with language and region in their names, in this form.
 * @param fileName of the video
 * @param language of captions, BCP 47; absent: unknown, and not in the name
 */
export function sideFileName(fileName: string, kind: SideFileKind, language?: string): string {
  const locale = kind === 'cover' || language === undefined ? undefined : localeOf(language);
  const stem = fileName.slice(0, -VIDEO_END.length);
  return `${stem}${locale === undefined ? '' : `.${locale}`}${SIDE_FILE_ENDS[kind]}`;
}

/** `en_US` of "en", `pt_BR` of "pt-BR", `zh_TW` of "zh-Hant"; only the language where no region is likely. */
const localeOf = remembered((tag: string): string => {
  // Facebook has one for all of Arabic.
  if (tag.toLowerCase() === 'ar') return 'ar_AR';
  try {
    const { language, region } = new Intl.Locale(tag).maximize();
    return region === undefined ? language : `${language}_${region}`;
  } catch {
    return tag.replaceAll('-', '_');
  }
});

/** All files that a combination may lead to: its video, and those beside it. */
export function fileNames(task: NamedTask, combination: Combination): string[] {
  const { cover, captions } = task.plan;
  const video = fileName(task, combination);
  const kinds = [
    ...(cover === undefined ? [] : (['cover'] as const)),
    ...(combination.line === null ? [] : (captions?.files ?? [])),
  ];
  return [video, ...kinds.map((kind) => sideFileName(video, kind, languageOf(task.plan, combination)))];
}

/** That of its line; undefined if it is unknown. */
export function languageOf({ sources }: Plan, { line }: Combination): string | undefined {
  const source = line === null ? undefined : sources[line];
  return source?.kind === 'line' ? source.language : undefined;
}

/** The sub-folders of the videos of a plan, as paths in its folder. */
export function subFoldersOf(plan: Plan): string[] {
  const paths = plan.combinations.map((combination) => folderOf(plan, combination).join('/'));
  return [...new Set(paths)].filter((path) => path !== '');
}

function folderOf(plan: Plan, combination: Combination): string[] {
  const line = combination.line === null ? undefined : plan.sources[combination.line];
  const group = line?.kind === 'line' ? line.group : undefined;
  return [group, formatOf(plan, combination)].filter((name) => name !== undefined).map(portableFolder);
}

function formatOf({ formats }: Plan, { format }: Combination): string | undefined {
  return format === undefined ? undefined : formats?.[format]?.name;
}

export function manifestName(taskId: string, extension: 'json' | 'csv'): string {
  return `manifest-${shortId(taskId)}.${extension}`;
}

/** By what an output folder is known whose names without an id are taken. Some disks ignore capitals. */
export function namesRecord({ id }: OutputFolder): string {
  return `names ${comparable(id)}`;
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

/** What file names call the clips and the track of a combination. */
export function shownNames(
  { sources }: Pick<Plan, 'sources'>,
  { clips, track }: Pick<Combination, 'clips' | 'track'>,
): { clips: string[]; track: string | null } {
  const shown = (number: number) => portableText(nameOf(sources[number]));
  return { clips: clips.map(shown), track: track === null ? null : shown(track) };
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
