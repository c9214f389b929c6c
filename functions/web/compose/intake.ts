/** Takes in what was dropped, chosen or pasted, and notes what it does not take. */
import { count } from '../ui/format.ts';
import { createStore } from '../ui/store.ts';
import { arrange, type Dropped } from './arrange.ts';
import { addClips, clipsOf, MAX_BLOCKS, MAX_CLIPS, nextBlockName, TRACKS } from './arrange-clips.ts';
import { type Block, type Clip, type ClipSource, draft, edit, editBlock, newKey, newLine } from './draft.ts';
import { kindOf, refusalOfFile, stemOf } from './file-kinds.ts';
import { type Link, readLinks } from './links.ts';
import { findFacts } from './media-facts.ts';

/** What was not taken, or went elsewhere than it was dropped: sentences, and the list that they are shown at. */
export const notes = createStore<{ list: string; texts: readonly string[] }>({ list: '', texts: [] });

/** A list without anything to say leaves what was said of others. */
function note(list: string, texts: readonly string[]): void {
  if (texts.length > 0 || notes.get().list === list) notes.set({ list, texts });
}

/** Several folders, or folders in a folder, become blocks wherever they are dropped. */
export async function addDropped(dropped: readonly Dropped[], list?: string): Promise<void> {
  const hasBlocks = new Set(dropped.map(({ folders }) => folders.join('/'))).size > 1;
  if (list !== undefined && !hasBlocks) {
    const { loose, tracks, lines, refused, blocks } = arrange(dropped);
    const files = [...blocks.flatMap((block) => block.files), ...loose];
    await addLines(lines);
    return addFiles(list, [...files, ...tracks], refused);
  }
  const { blocks, isOrderGuessed, loose, tracks, lines, refused } = arrange(dropped);
  const texts = [...refused];
  if (isOrderGuessed) {
    const names = blocks.map(({ name }) => name).join(', ');
    texts.push(`Each video has its clips in this order: ${names}. Drag blocks to change the order.`);
  }
  for (const { list: into, files } of placesOf(blocks, texts)) texts.push(...put(into, files));
  if (loose.length > 0) texts.push(...put(emptyBlock(), loose));
  texts.push(...put(TRACKS, tracks));
  await addLines(lines);
  note('', texts);
}

/** @param list key of a block, or TRACKS */
function addFiles(list: string, files: readonly File[], refused: readonly string[] = []): void {
  const texts = [...refused];
  const good = files.filter((file) => {
    const refusal = refusalOfFile(file) ?? (list === TRACKS ? refusalAsTrack(file) : undefined);
    if (refusal !== undefined) texts.push(refusal);
    return refusal === undefined;
  });
  const sounds = list === TRACKS ? [] : good.filter((file) => kindOf(file) === 'sound');
  if (sounds.length > 0)
    texts.push(`${count(sounds.length, 'sound file')} went to Music: clips need a picture.`);
  texts.push(...put(TRACKS, sounds));
  texts.push(...put(list, sounds.length === 0 ? good : good.filter((file) => kindOf(file) !== 'sound')));
  note(list, texts);
}

/** The sentences on lines that are no links; these are not added. */
export function addLinks(list: string, text: string): readonly string[] {
  const { links, mistakes } = readLinks(text);
  const left = put(list, links);
  note(list, left);
  return mistakes;
}

/** Where clips go that are dropped beside all blocks: the first empty block, else a new one. */
export function emptyBlock(): string {
  const { blocks } = draft.get();
  const empty = blocks.find(({ clips }) => clips.length === 0);
  if (empty !== undefined) return empty.key;
  return blocks.length < MAX_BLOCKS ? addBlock() : (blocks.at(-1) as Block).key;
}

/** The key of the new block. */
export function addBlock(name?: string): string {
  const key = newKey();
  edit(({ blocks }) => ({ blocks: [...blocks, { key, name: name ?? nextBlockName(blocks), clips: [] }] }));
  return key;
}

/** All at once, so that the page is drawn once. The answer says what there was no room for. */
function put(list: string, sources: readonly (File | Link)[]): readonly string[] {
  const room = MAX_CLIPS - clipsOf(draft.get(), list).length;
  const added = sources.slice(0, Math.max(0, room)).map(clipOf);
  if (added.length > 0) edit((now) => addClips(now, list, added));
  findFacts(
    added.flatMap(({ key, source }) =>
      source.kind === 'file' && source.file ? [{ key, file: source.file }] : [],
    ),
  );
  if (sources.length <= room) return [];
  const left = count(sources.length - Math.max(0, room), 'file');
  return [`Expected at most ${count(MAX_CLIPS, 'clip')} in a block, so ${left} were left out.`];
}

function clipOf(from: File | Link): Clip {
  const source: ClipSource =
    from instanceof File
      ? { kind: 'file', file: from, bytes: from.size, upload: { state: 'waiting' } }
      : { kind: 'link', url: from.url };
  const name = (from instanceof File ? stemOf(from.name) : from.name).normalize('NFC').slice(0, 200);
  const nothingYet = { seconds: null, poster: null, startSeconds: null, endSeconds: null, volume: null };
  return { key: newKey(), name, source, ...nothingYet };
}

/** The block of each folder: the one of that name, else an empty one, else a new one. Several replace blocks without any clip. */
function placesOf(
  arranged: readonly { name: string; files: readonly File[] }[],
  texts: string[],
): { list: string; files: readonly File[] }[] {
  if (arranged.length > 1) {
    edit(({ blocks }) => ({ blocks: blocks.every(({ clips }) => clips.length === 0) ? [] : blocks }));
  }
  return arranged.flatMap(({ name, files }) => {
    const { blocks } = draft.get();
    const there = blocks.find((block) => block.name.toLowerCase() === name.toLowerCase());
    if (there !== undefined) return [{ list: there.key, files }];
    const empty = arranged.length === 1 ? blocks.find(({ clips }) => clips.length === 0) : undefined;
    if (empty !== undefined) {
      editBlock(empty.key, (block) => ({ ...block, name }));
      return [{ list: empty.key, files }];
    }
    if (blocks.length < MAX_BLOCKS) return [{ list: addBlock(name), files }];
    texts.push(`Expected at most ${MAX_BLOCKS} blocks, so the folder “${name}” was left out.`);
    return [];
  });
}

/** Each line of lines.txt is spoken, in the way of the line before. */
async function addLines(files: readonly File[]): Promise<void> {
  for (const file of files) {
    const texts = (await file.text()).split(/\r?\n/).map((text) => text.replace(/^\uFEFF/, '').trim());
    edit(({ lines }) => {
      const like = lines.at(-1);
      const added = texts.filter(Boolean).map((text) => newLine(text, like));
      return { lines: [...lines.filter(({ text }) => text.trim() !== ''), ...added] };
    });
  }
}

function refusalAsTrack(file: File): string | undefined {
  if (kindOf(file) !== 'picture') return undefined;
  return `${file.name}: expected sound, or a video with sound, got a picture. Drop it on a block.`;
}
