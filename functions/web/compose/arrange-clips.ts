/** Clips and blocks in their order: adding, moving, taking out and putting back. Pure: a draft in, changes out. */
import type { Block, Clip, Draft } from './draft.ts';

/** The list of the tracks, among the keys of blocks. */
export const TRACKS = 'tracks';
export const MAX_BLOCKS = 10;
/** As the service takes them. */
export const MAX_CLIPS = 1_000;

type Lists = Pick<Draft, 'blocks' | 'tracks'>;

/** The clips of a block or the tracks; none if there is no such block. */
export function clipsOf({ blocks, tracks }: Lists, list: string): readonly Clip[] {
  return list === TRACKS ? tracks : (blocks.find(({ key }) => key === list)?.clips ?? []);
}

export function withClips(lists: Lists, list: string, clips: readonly Clip[]): Lists {
  const { blocks, tracks } = lists;
  if (list === TRACKS) return { blocks, tracks: clips };
  return { tracks, blocks: blocks.map((block) => (block.key === list ? { ...block, clips } : block)) };
}

/** @param at before which clip; undefined: at the end */
export function addClips(lists: Lists, list: string, added: readonly Clip[], at?: number): Lists {
  const there = clipsOf(lists, list);
  const taken = new Set(there.map(({ name }) => name));
  const named = added.map((clip) => ({ ...clip, name: freeName(clip.name, taken) }));
  return withClips(lists, list, there.toSpliced(at ?? there.length, 0, ...named));
}

/** Where a clip is; undefined: nowhere. */
export function placeOfClip(lists: Lists, key: string): { list: string; at: number; clip: Clip } | undefined {
  for (const list of [...lists.blocks.map((block) => block.key), TRACKS]) {
    const clips = clipsOf(lists, list);
    const at = clips.findIndex((clip) => clip.key === key);
    if (at !== -1) return { list, at, clip: clips[at] as Clip };
  }
  return undefined;
}

/** @param at before which clip of the list as it is now; undefined: at its end */
export function moveClip(lists: Lists, key: string, list: string, at?: number): Lists {
  const from = placeOfClip(lists, key);
  if (from === undefined) return lists;
  const isSame = from.list === list;
  const to = at ?? clipsOf(lists, list).length;
  if (isSame && (to === from.at || to === from.at + 1)) return lists;
  const without = withClips(lists, from.list, clipsOf(lists, from.list).toSpliced(from.at, 1));
  if (!isSame) return addClips(without, list, [from.clip], to);
  const there = clipsOf(without, list);
  return withClips(without, list, there.toSpliced(to > from.at ? to - 1 : to, 0, from.clip));
}

export function removeClip(lists: Lists, key: string): Lists {
  const from = placeOfClip(lists, key);
  if (from === undefined) return lists;
  return withClips(lists, from.list, clipsOf(lists, from.list).toSpliced(from.at, 1));
}

/** Only what `change` makes another becomes another object, so that nothing else is drawn again. */
export function mapClips(lists: Lists, change: (clip: Clip) => Clip): Lists {
  const all = (clips: readonly Clip[]): readonly Clip[] => {
    const next = clips.map(change);
    return next.some((clip, at) => clip !== clips[at]) ? next : clips;
  };
  const blocks = lists.blocks.map((block) => {
    const clips = all(block.clips);
    return clips === block.clips ? block : { ...block, clips };
  });
  const isSame = blocks.every((block, at) => block === lists.blocks[at]);
  return { blocks: isSame ? lists.blocks : blocks, tracks: all(lists.tracks) };
}

/** @param by 1: one to the right, -1: one to the left */
export function moveBlock(blocks: readonly Block[], key: string, by: number): readonly Block[] {
  const from = blocks.findIndex((block) => block.key === key);
  const to = from + by;
  if (from === -1 || to < 0 || to >= blocks.length) return blocks;
  return blocks.toSpliced(from, 1).toSpliced(to, 0, blocks[from] as Block);
}

/** `Block 4`, or the next number that is free. */
export function nextBlockName(blocks: readonly Block[]): string {
  return freeName(`Block ${blocks.length + 1}`, new Set(blocks.map(({ name }) => name)));
}

/** The name, or with the first number behind it that makes it the only one. Remembers it. */
function freeName(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name} ${number}`;
  taken.add(free);
  return free;
}
