/** How many videos a draft makes, in numbers and in words. Pure. */
import type { PlanView } from '../../model/answers/render.ts';
import { count } from '../ui/format.ts';
import type { Draft } from './draft.ts';
import { spokenLines, usedBlocks } from './request.ts';

type Selection = NonNullable<PlanView['selection']>;

/** As far as it is known without rules, which the service counts. */
export function quickCount(draft: Draft): number {
  const blocks = usedBlocks(draft);
  if (blocks.length === 0) return 0;
  const product = blocks.reduce((all, { block }) => all * block.clips.length, 1);
  return [...factorsOf(draft)].reduce(
    (all, { size }) => all * size,
    Math.min(product, draft.limit ?? product),
  );
}

/** Such as `2 hooks × 3 bodies × 2 formats`. */
export function formulaOf(draft: Draft, selection: Pick<Selection, 'possible' | 'chosen'> | null): string {
  const blocks = usedBlocks(draft);
  const isAll = selection === null ? draft.limit === null : selection.chosen === selection.possible;
  const clips = isAll
    ? blocks.map(({ block, name }) => ofBlock(block.clips.length, name))
    : [
        selection === null
          ? `${draft.limit} combinations`
          : `${selection.chosen} of ${count(selection.possible, 'combination')}`,
      ];
  return [...clips, ...factorsOf(draft).map(({ size, what }) => `${size} ${what}`)].join(' × ');
}

/** What each combination of clips is made with. */
function factorsOf(draft: Draft): { size: number; what: string }[] {
  return [
    { size: draft.tracksMode === 'each' ? draft.tracks.length : 1, what: 'tracks' },
    { size: draft.linesMode === 'each' ? spokenLines(draft).length : 1, what: 'lines' },
    { size: draft.formats.length, what: 'formats' },
  ].filter(({ size }) => size > 1);
}

/** `2 calls to action`, `1 call to action`; `USP` and `iPhone` stay as they are. */
function ofBlock(clips: number, name: string): string {
  const lower = /^\p{Lu}\p{Ll}/u.test(name) ? `${name.charAt(0).toLowerCase()}${name.slice(1)}` : name;
  return `${clips} ${clips === 1 ? oneOf(lower) : lower}`;
}

/** People call blocks by plurals. */
function oneOf(name: string): string {
  const one = name.replace(/(?<=[a-z])ies(?= |$)/, 'y');
  return one === name ? name.replace(/(?<=[^\Ws])s(?= |$)/, '') : one;
}
