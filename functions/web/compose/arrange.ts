/** Where files go that were dropped on the page: folders become blocks. */
import { inOrderOfAds } from './block-order.ts';
import { type FileFacts, isHidden, kindOf, refusalOfFile } from './file-kinds.ts';

/** A dropped file with the folders that it lies in, the outermost first. */
export interface Dropped<F extends FileFacts = File> {
  folders: readonly string[];
  file: F;
}

export interface Arranged<F extends FileFacts = File> {
  /** One for each folder with clips, in the order of their numbers or else of what they are in an ad. */
  blocks: readonly { name: string; files: readonly F[] }[];
  /** Whether no number says in which order the blocks are. */
  isOrderGuessed: boolean;
  /** Clips that lie in no folder. */
  loose: readonly F[];
  tracks: readonly F[];
  /** lines.txt */
  lines: readonly F[];
  /** A sentence for each file that is not taken. */
  refused: readonly string[];
}

const MUSIC = /^(music|audio|tracks?|songs?)$/i;
const LINES = /^lines\.txt$/i;
const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** `2 hooks` is before `10 hooks`. */
function byName(one: string, other: string): number {
  return natural.compare(one, other);
}

/** A folder's name without the number that only orders it: `1 hooks` is `hooks`. */
export function blockNameOf(folder: string): string {
  const name = folder.replace(/^[\s\d._()-]+/, '').trim();
  return (name === '' ? folder : name).normalize('NFC').slice(0, 200);
}

/** Sound goes to the music, wherever it lies. A film does, too, if it lies in a folder for music. */
export function arrange<F extends FileFacts>(dropped: readonly Dropped<F>[]): Arranged<F> {
  const shown = dropped
    .filter(({ folders, file }) => ![...folders, file.name].some(isHidden))
    .toSorted((one, other) => byName(pathOf(one), pathOf(other)));
  const base = sharedFolder(shown);
  const lines: F[] = [];
  const tracks: F[] = [];
  const refused: string[] = hiddenRemark(dropped.map(({ file }) => file));
  const loose: F[] = [];
  const blocks = new Map<string, { name: string; files: F[] }>();
  let hasNumber = false;
  for (const { folders, file } of shown) {
    // Without a folder below the shared one, the shared one is the block.
    const folder = folders[base] ?? (isOneBlock(shown, base) ? folders.at(-1) : undefined);
    const name = folder === undefined ? undefined : blockNameOf(folder);
    const refusal = LINES.test(file.name) ? undefined : refusalOfFile(file);
    if (refusal !== undefined) refused.push(refusal);
    else if (LINES.test(file.name)) lines.push(file);
    else if (kindOf(file) === 'sound' || (name !== undefined && MUSIC.test(name))) tracks.push(file);
    else if (name === undefined) loose.push(file);
    else {
      const key = name.toLowerCase();
      hasNumber ||= /^[\s._()-]*\d/.test(folder ?? '');
      const block = blocks.get(key) ?? { name, files: [] };
      block.files.push(file);
      blocks.set(key, block);
    }
  }
  const all = [...blocks.values()];
  const isOrderGuessed = all.length > 1 && !hasNumber;
  return { blocks: isOrderGuessed ? inOrderOfAds(all) : all, isOrderGuessed, loose, tracks, lines, refused };
}

/** Systems hide such files, so that people wonder where they are. Those of macOS itself begin with `._`. */
function hiddenRemark(files: readonly FileFacts[]): string[] {
  const dotted = files.filter((file) => /^\.[^_]/.test(file.name) && kindOf(file) !== undefined);
  const [first] = dotted;
  if (first === undefined) return [];
  const which = dotted.length === 1 ? first.name : `${dotted.length} files such as ${first.name}`;
  return [`Left out ${which}: names that begin with a dot are hidden files. Rename what shall be a clip.`];
}

function pathOf({ folders, file }: Dropped<FileFacts>): string {
  return [...folders, file.name].join('/');
}

/** How many folders lie around the blocks: one if a single folder was dropped that has folders in it. */
function sharedFolder(dropped: readonly Dropped<FileFacts>[]): number {
  const roots = new Set(dropped.map(({ folders }) => folders[0]));
  const hasInner = dropped.some(({ folders }) => folders.length > 1);
  return roots.size === 1 && hasInner && !roots.has(undefined) ? 1 : 0;
}

/** Whether clips lie in the dropped folder itself and none of its folders has any, except for music. */
function isOneBlock(dropped: readonly Dropped<FileFacts>[], base: number): boolean {
  return dropped.every(
    ({ folders }) => folders[base] === undefined || MUSIC.test(blockNameOf(folders[base])),
  );
}
