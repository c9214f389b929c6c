/** Turns a folder or a request file, and the options, into one request that names local files by file URLs. */
import { stat } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { counted } from '../../functions/base/counted.ts';
import { inspectFile, type LocalFile } from './local-files.ts';
import type { Options } from './options.ts';
import { noBlocksMistake, readFolder, strangeFolderMistake } from './read-folder.ts';
import { readRequestFile } from './request-file.ts';
import { isObject, mapSources } from './source-fields.ts';

type Json = Record<string, unknown>;

export interface Job {
  /** Absolute: the folder or file. */
  target: string;
  /** With file URLs where local files are meant, and without dry_run. */
  request: Json;
  isDryRun: boolean;
  /** By file URL. */
  files: ReadonlyMap<string, LocalFile>;
  /** Remarks for people. */
  notes: string[];
}

export type JobOptions = Pick<Options, 'formats' | 'captions' | 'limit' | 'name' | 'voice' | 'dryRun'>;

const DEFAULT_VOICE = 'Sarah';
const MAX_TASK_NAME = 200;
const MOST_MISTAKES = 30;

/**
 * Throws an Error that names all mistakes.
 * @param ignored folders that are no blocks
 */
export async function readJob(target: string, options: JobOptions, ignored: readonly string[]): Promise<Job> {
  const found = await stat(target).catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `Expected a folder of clips or a request file, got ${error.code === 'ENOENT' ? 'none' : error.code} at ${target}. ` +
        'Next step: check the path; in a shell, put quotes around one with spaces.',
    );
  });
  const read = found.isDirectory()
    ? await fromFolder(target, options, ignored)
    : await fromFile(target, options);
  const { files, mistakes } = await inspectAll(read.request, found.isDirectory() ? target : dirname(target));
  refuse(target, [...read.mistakes, ...mistakes]);
  const { dry_run, ...request } = withOptions(read.request, options);
  return { target, request, isDryRun: options.dryRun || dry_run === true, files, notes: read.notes };
}

interface Read {
  request: Json;
  notes: string[];
  mistakes: string[];
}

async function fromFile(file: string, { voice }: JobOptions): Promise<Read> {
  const { request, mistakes } = await readRequestFile(file, dirname(file));
  if (voice !== undefined)
    mistakes.push(
      '--voice: expected lines.txt or lines.csv in a folder, got a request. Write the voice to each line of it.',
    );
  return { request, mistakes, notes: [] };
}

async function fromFolder(folder: string, { voice }: JobOptions, ignored: readonly string[]): Promise<Read> {
  const content = await readFolder(folder, { voice: voice ?? DEFAULT_VOICE, ignored });
  const { blocks, music, lines, loose, taskFile } = content;
  const task =
    taskFile === undefined ? { request: {}, mistakes: [] } : await readRequestFile(taskFile, folder);
  const given: Json = {
    ...(blocks.length > 0 ? { video_blocks: blocks } : {}),
    ...(music.length > 0 ? { audio_blocks: [{ name: 'music', urls: music }] } : {}),
    ...(lines === undefined ? {} : { text_to_speech: lines }),
  };
  const request: Json = { task_name: taskName(folder), ...task.request, ...given };
  const empty = Object.hasOwn(request, 'video_blocks') ? undefined : noBlocksMistake(content);
  const named = namedFiles(task.request);
  const strays = empty === undefined ? loose.filter((name) => !named.has(name)) : [];
  const strange = strangeFolderMistake(content);
  const mistakes = [
    ...(empty === undefined ? [] : [empty]),
    ...(strange === undefined ? content.mistakes : [strange]),
    ...task.mistakes,
    ...conflicts(task.request, content),
    ...strays.map(
      (name) =>
        `${name}: expected clips and tracks in sub-folders, got it beside them. Move it into one, or away.`,
    ),
    ...(voice === undefined || lines !== undefined
      ? []
      : [
          '--voice: expected lines.txt or lines.csv, which it is for, got none. Write the lines, or leave --voice out.',
        ]),
  ];
  const notes = content.misnamed.map(
    (name) => `${name} is not read: only lines.txt, lines.csv and task.json are.`,
  );
  return { request, notes, mistakes };
}

/** Fields that both task.json and the folder give. */
function conflicts(
  task: Json,
  { blocks, music, lines }: { blocks: readonly unknown[]; music: readonly unknown[]; lines: unknown },
): string[] {
  const both = (field: string, isGiven: boolean, what: string) =>
    isGiven && Object.hasOwn(task, field)
      ? [`task.json: expected no ${field} beside ${what}, got both. Remove one of them.`]
      : [];
  return [
    ...both('video_blocks', blocks.length > 0, 'folders of clips'),
    ...both('audio_blocks', music.length > 0, 'a folder of music'),
    ...both('text_to_speech', lines !== undefined, 'a file of lines'),
    ...both('text_to_speach', lines !== undefined, 'a file of lines'),
  ];
}

/** Names of files that task.json uses, wherever they are. */
function namedFiles(task: Json): Set<string> {
  const names = new Set<string>();
  mapSources(task, (url) => {
    if (url.startsWith('file:')) names.add(basename(fileURLToPath(url)));
    return { url };
  });
  return names;
}

async function inspectAll(
  request: Json,
  base: string,
): Promise<{ files: Map<string, LocalFile>; mistakes: string[] }> {
  const urls = new Set<string>();
  mapSources(request, (url) => {
    if (url.startsWith('file:')) urls.add(url);
    return { url };
  });
  const files = new Map<string, LocalFile>();
  const mistakes: string[] = [];
  for (const url of urls) {
    const path = fileURLToPath(url);
    const file = await inspectFile(path);
    if ('mistake' in file) mistakes.push(`${shownPath(path, base)}: ${file.mistake}`);
    else files.set(url, file);
  }
  return { files, mistakes };
}

function withOptions(request: Json, { formats, captions, limit, name }: JobOptions): Json {
  const part = (field: string) => (isObject(request[field]) ? request[field] : {});
  return {
    ...request,
    ...(name === undefined ? {} : { task_name: name }),
    ...(formats === undefined ? {} : { output: { ...part('output'), formats } }),
    ...(captions === undefined ? {} : { captions: { ...part('captions'), mode: captions } }),
    ...(limit === undefined ? {} : { limit }),
  };
}

/** The folder's own name. */
function taskName(folder: string): string {
  return [...basename(folder).normalize()].slice(0, MAX_TASK_NAME).join('') || 'videos';
}

/** Relative to the folder, if it lies in there. */
export function shownPath(path: string, base: string): string {
  const inside = relative(base, path);
  return inside.startsWith('..') || inside === '' ? path : inside;
}

function refuse(target: string, mistakes: readonly string[]): void {
  if (mistakes.length === 0) return;
  const shown = mistakes.slice(0, MOST_MISTAKES);
  const more = mistakes.length - shown.length;
  const lines = [...shown, ...(more > 0 ? [`and ${more} more`] : [])].map((mistake) => `  ${mistake}`);
  throw new Error(
    `${target} has ${counted(mistakes.length, 'mistake')}; nothing was started:\n${lines.join('\n')}`,
  );
}
