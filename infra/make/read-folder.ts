/** Reads a folder whose sub-folders are the blocks. Names all mistakes at once. */
import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { counted } from '../../functions/base/counted.ts';
import { MAX_URLS } from '../../functions/model/fields/sources.ts';
import { MAX_TEXTS } from '../../functions/model/fields/speech.ts';
import { blockNames, withoutNumber } from './block-names.ts';
import { type Entry, entriesOf } from './folder-entries.ts';
import { CLIP_ENDS, isClip, isFilm, isSound, isTrack, kindOf, TRACK_ENDS } from './media-kinds.ts';
import { type Line, linesOfCsv, linesOfText } from './read-lines.ts';
import { readText } from './read-text.ts';

export interface FolderContent {
  /** File URLs, in natural order. */
  blocks: { name: string; urls: string[] }[];
  music: string[];
  /** Undefined without lines.txt and lines.csv. */
  lines: Line[] | undefined;
  /** Path of task.json; undefined without one. */
  taskFile: string | undefined;
  /** Names of clips and tracks beside the blocks. */
  loose: string[];
  /** Folders whose names put them in no order by numbers. */
  isByAlphabet: boolean;
  /** Paths of folders that hold folders in place of clips. */
  nested: string[];
  /** Names of files that are nearly called like those that are read. */
  misnamed: string[];
  mistakes: string[];
}

export interface FolderOptions {
  /** Of lines without one. */
  voice: string;
  /** Folders that are no blocks wherever they lie, such as that of the finished videos. */
  ignored: readonly string[];
}

/** In the languages of people who sort clips into folders. */
const MUSIC = ['music', 'musik', 'musique', 'música', 'musica', 'audio', 'soundtrack'];
const LINES_TXT = 'lines.txt';
const LINES_CSV = 'lines.csv';
const TASK = 'task.json';
const READ = [LINES_TXT, LINES_CSV, TASK];
/** Whoever gives the wrong folder shall not be told to move all of it away: so many mistakes, and so many to one clip. */
const LEAST_STRANGE = 6;
const MOSTLY = 3;
/** `line.txt`, `lines.txt.txt`, `Lines.text`, `tasks.json`. */
const NEARLY = /^(lines?|tasks?)\.(txt|csv|json|text)(\.txt|\.csv|\.json)?$/i;

/** Throws system errors for a folder that cannot be read. */
export async function readFolder(folder: string, { voice, ignored }: FolderOptions): Promise<FolderContent> {
  const entries = await entriesOf(folder);
  const named = (wanted: string) =>
    entries.find(({ name, kind }) => kind === 'file' && name.toLowerCase() === wanted);
  const folders = await withoutIgnored(
    entries.filter(({ kind }) => kind === 'folder'),
    ignored,
  );
  const isMusic = ({ name }: Entry) => MUSIC.includes(withoutNumber(name.normalize()).toLowerCase());
  const blockFolders = folders.filter((entry) => !isMusic(entry));
  const names = blockNames(blockFolders.map(({ name }) => name));
  const clips = await Promise.all(blockFolders.map((entry) => mediaIn(entry, 'clip')));
  const music = await Promise.all(folders.filter(isMusic).map((entry) => mediaIn(entry, 'track')));
  const lines = await readLines(named(LINES_TXT), named(LINES_CSV), voice);
  const files = entries.filter(({ kind }) => kind === 'file').map(({ name }) => name);
  return {
    blocks: clips.map(({ urls }, at) => ({ name: names[at] as string, urls })),
    music: music.flatMap(({ urls }) => urls),
    lines: lines.lines,
    isByAlphabet: blockFolders.length > 1 && blockFolders.every(({ name }) => withoutNumber(name) === name),
    nested: clips.flatMap(({ isNested }, at) => (isNested ? [(blockFolders[at] as Entry).path] : [])),
    taskFile: named(TASK)?.path,
    loose: files.filter((name) => isFilm(name) || isSound(name)),
    misnamed: files.filter((name) => NEARLY.test(name) && !READ.includes(name.toLowerCase())),
    mistakes: [
      ...entries.filter(({ kind }) => kind === 'broken').map(({ name }) => brokenMistake(name)),
      ...clips.flatMap(({ mistakes }) => mistakes),
      ...music.flatMap(({ mistakes }) => mistakes),
      ...lines.mistakes,
    ],
  };
}

async function withoutIgnored(folders: readonly Entry[], ignored: readonly string[]): Promise<Entry[]> {
  const real = (path: string) => realpath(path).catch(() => path);
  const not = await Promise.all(ignored.map(real));
  const paths = await Promise.all(folders.map(({ path }) => real(path)));
  return folders.filter((_, at) => !not.includes(paths[at] as string));
}

async function mediaIn(
  folder: Entry,
  kind: 'clip' | 'track',
): Promise<{ urls: string[]; mistakes: string[]; isNested?: boolean }> {
  const what = kind === 'clip' ? { fits: isClip, ends: CLIP_ENDS } : { fits: isTrack, ends: TRACK_ENDS };
  let entries: Entry[];
  try {
    entries = await entriesOf(folder.path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return {
      urls: [],
      mistakes: [`${folder.name}: expected a folder that you may read, got ${code}. Change its permissions.`],
    };
  }
  if (entries.length === 0) {
    const next = `Put ${kind}s into it, or remove it.`;
    return {
      urls: [],
      mistakes: [`${folder.name}: expected at least one ${kind} in it, got an empty folder. ${next}`],
    };
  }
  const fitting = entries.filter(({ name, kind: found }) => found === 'file' && what.fits(name));
  const inner = entries.filter((entry) => entry.kind === 'folder');
  const isNested = entries.every(
    (entry) => entry.kind === 'folder' || READ.includes(entry.name.toLowerCase()),
  );
  if (isNested && inner.length > 0) {
    const inside = inner.map(({ name }) => name).join(', ');
    const next = `Put its ${kind}s into ${folder.name} itself; if these are the parts of a video, give ${folder.path} as the folder.`;
    return {
      urls: [],
      mistakes: [`${folder.name}: expected ${kind}s, got only folders (${inside}). ${next}`],
      isNested: true,
    };
  }
  const mistakes = entries.flatMap(({ name, kind: found }) => {
    const path = `${folder.name}/${name}`;
    if (found === 'broken') return [brokenMistake(path)];
    if (found === 'folder')
      return [
        `${path}: expected only ${kind}s, got a folder. Move its ${kind}s up into ${folder.name}, or move it away.`,
      ];
    if (!what.fits(name))
      return [`${path}: expected a ${kind} (${what.ends}), got ${kindOf(name)}. Move it away.`];
    return [];
  });
  if (fitting.length > MAX_URLS)
    mistakes.push(
      `${folder.name}: expected at most ${MAX_URLS} ${kind}s, got ${fitting.length}. Move some away, or make several folders of them.`,
    );
  return { urls: fitting.map(({ path }) => pathToFileURL(path).href), mistakes };
}

function brokenMistake(name: string): string {
  return `${name}: expected a file or folder, got something else, such as a link to none or a name that cannot be read. Remove or rename it.`;
}

async function readLines(
  txt: Entry | undefined,
  csv: Entry | undefined,
  voice: string,
): Promise<{ lines: Line[] | undefined; mistakes: string[] }> {
  if (txt !== undefined && csv !== undefined)
    return { lines: [], mistakes: [`${txt.name}: expected it or ${csv.name}, got both. Keep one of them.`] };
  const entry = txt ?? csv;
  if (entry === undefined) return { lines: undefined, mistakes: [] };
  const name = basename(entry.path);
  let text: string;
  try {
    text = await readText(entry.path);
  } catch (error) {
    return { lines: [], mistakes: [`${name}: ${(error as Error).message}`] };
  }
  const { lines, mistakes } = txt === undefined ? linesOfCsv(text, voice) : linesOfText(text, voice);
  if (lines.length > MAX_TEXTS)
    mistakes.push(`expected at most ${MAX_TEXTS} lines, got ${lines.length}. Split them over several runs.`);
  return { lines, mistakes: mistakes.map((mistake) => `${name}: ${mistake}`) };
}

/** In place of the mistakes of a folder that was hardly meant; undefined if it was. */
export function strangeFolderMistake({ blocks, music, mistakes, nested }: FolderContent): string | undefined {
  if (nested.length > 1 && nested.length === blocks.length)
    return `expected folders of clips, got folders that hold such folders. Name one of these: ${nested.join(', ')}.`;
  const media = music.length + blocks.reduce((sum, { urls }) => sum + urls.length, 0);
  if (mistakes.length < LEAST_STRANGE || mistakes.length < MOSTLY * media) return undefined;
  return (
    `expected sub-folders with nothing but clips (${CLIP_ENDS}), got ${mistakes.length} other files and folders, ` +
    `such as ${(mistakes[0] as string).split(': ', 1)[0]}. Give the folder that holds the folders of clips.`
  );
}

/** Why there is nothing to combine; undefined if there is. */
export function noBlocksMistake({ blocks, music, loose }: FolderContent): string | undefined {
  if (blocks.length > 0) return undefined;
  const expected = 'expected a sub-folder for each part of the video, such as "1 hooks" and "2 bodies"';
  const next = 'Make these folders, and put the clips into them.';
  if (loose.length > 0) {
    const shown = loose.slice(0, 3).join(', ') + (loose.length > 3 ? ', …' : '');
    return `${expected}, got ${counted(loose.length, 'file')} that lie loose: ${shown}. ${next}`;
  }
  return `${expected}, got ${music.length > 0 ? 'only music' : 'none'}. ${next}`;
}
