/** Turns a folder or a request file, and the options, into one request that names local files by file URLs. */
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { counted } from '../../functions/base/counted.ts';
import { inspectFile, type LocalFile } from './local-files.ts';
import { isSound } from './media-kinds.ts';
import { hash } from './note.ts';
import type { Options } from './options.ts';
import { noBlocksMistake, readFolder, strangeFolderMistake } from './read-folder.ts';
import type { Line } from './read-lines.ts';
import { readRequestFile } from './request-file.ts';
import { oversizeMistake, requestMistakes } from './request-mistakes.ts';
import { shownPath } from './shown-path.ts';
import { isObject, mapSources } from './source-fields.ts';

type Json = Record<string, unknown>;

export interface Job {
  /** Absolute: the folder or file. */
  target: string;
  /** With file URLs where local files are meant, and without dry_run. */
  request: Json;
  isDryRun: boolean;
  /** Another one for other files, lines or options, and the same for the same: a dry run shows what is then made. */
  seed: number;
  /** By file URL. */
  files: ReadonlyMap<string, LocalFile>;
  /** Remarks for people. */
  notes: string[];
}

export type JobOptions = Pick<
  Options,
  'formats' | 'fit' | 'captions' | 'limit' | 'name' | 'voice' | 'language' | 'seed' | 'dryRun'
>;

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
  const { dry_run, ...request } = withOptions(read.request, options);
  const isAllRead = read.mistakes.length === 0;
  const oversize = isAllRead ? oversizeMistake(request, files) : undefined;
  refuse(target, [
    ...read.mistakes,
    ...mistakes,
    ...(oversize === undefined ? [] : [oversize]),
    // The service, which says them else, is not asked.
    ...(isAllRead && mistakes.length > 0 ? await requestMistakes({ request, target }) : []),
  ]);
  const seed = typeof request['seed'] === 'number' ? request['seed'] : seedOf(request, files, target);
  return { target, request, isDryRun: options.dryRun || dry_run === true, seed, files, notes: read.notes };
}

interface Read {
  request: Json;
  notes: string[];
  mistakes: string[];
}

async function fromFile(file: string, options: JobOptions): Promise<Read> {
  const { request, mistakes } = await readRequestFile(file, dirname(file));
  for (const option of ['voice', 'language'] as const) {
    if (options[option] !== undefined)
      mistakes.push(
        `--${option}: expected lines.txt or lines.csv in a folder, got a request. Write the ${option} to each line of it.`,
      );
  }
  return { request, mistakes, notes: [] };
}

async function fromFolder(folder: string, options: JobOptions, ignored: readonly string[]): Promise<Read> {
  const { voice, language } = options;
  const content = await readFolder(folder, { voice: voice ?? DEFAULT_VOICE, ignored });
  const { blocks, music, lines, loose, taskFile } = content;
  const task =
    taskFile === undefined ? { request: {}, mistakes: [] } : await readRequestFile(taskFile, folder);
  const given: Json = {
    ...(blocks.length > 0 ? { video_blocks: blocks } : {}),
    ...(music.length > 0 ? { audio_blocks: [{ name: 'music', urls: music }] } : {}),
    ...(lines === undefined ? {} : { text_to_speech: withLanguage(lines, language) }),
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
    ...strays.map(strayMistake),
    ...(['voice', 'language'] as const)
      .filter((option) => options[option] !== undefined && lines === undefined)
      .map(
        (option) =>
          `--${option}: expected lines.txt or lines.csv, which it is for, got none. Write the lines, or leave --${option} out.`,
      ),
  ];
  const notes = [
    ...content.misnamed.map((name) => `${name} is not read: only lines.txt, lines.csv and task.json are.`),
    ...(content.isByAlphabet ? [orderNote(blocks.map(({ name }) => name))] : []),
  ];
  return { request, notes, mistakes };
}

function withLanguage(lines: readonly Line[], language: string | undefined): Line[] {
  return lines.map((line) => (language === undefined ? line : { language, ...line }));
}

function strayMistake(name: string): string {
  const next = isSound(name) ? 'Put it into music/, or move it away.' : 'Move it into one, or away.';
  return `${name}: expected clips and tracks in sub-folders, got it beside them. ${next}`;
}

function orderNote(names: readonly string[]): string {
  const numbered = names.map((name, at) => `"${at + 1} ${name}"`).join(', ');
  return (
    `Videos are joined in the order of the names: ${names.join(', ')}. ` +
    `To change it, put numbers in front of the folders, such as ${numbered}.`
  );
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

function withOptions(request: Json, { formats, fit, captions, limit, name, seed }: JobOptions): Json {
  const part = (field: string) => (isObject(request[field]) ? request[field] : {});
  return {
    ...request,
    ...(name === undefined ? {} : { task_name: name }),
    ...(formats === undefined && fit === undefined
      ? {}
      : { output: { ...part('output'), ...(formats && { formats }), ...(fit && { fit }) } }),
    ...(captions === undefined ? {} : { captions: { ...part('captions'), mode: captions } }),
    ...(limit === undefined ? {} : { limit }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** From what videos are made of, wherever it lies on this machine. */
function seedOf(request: Json, files: ReadonlyMap<string, LocalFile>, target: string): number {
  const named = mapSources(request, (url) => {
    const file = files.get(url);
    return { url: file === undefined ? url : `${shownPath(file.path, target)} ${file.bytes}` };
  });
  return Number.parseInt(hash(named).slice(0, 8), 16);
}

/** The folder's own name. */
function taskName(folder: string): string {
  return [...basename(folder).normalize()].slice(0, MAX_TASK_NAME).join('') || 'videos';
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
