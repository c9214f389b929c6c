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

/** Such as `2 Hooks × 3 Bodies × 2 formats`. */
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

/** `2 Calls to action`, `1 Call to action`: nouns keep their capitals, as in German. */
function ofBlock(clips: number, name: string): string {
  return `${clips} ${clips === 1 ? oneOf(name) : name}`;
}

/** People call blocks by plurals. */
function oneOf(name: string): string {
  const one = name.replace(/(?<=[a-z])ies(?= |$)/, 'y');
  return one === name ? name.replace(/(?<=[^\Ws])s(?= |$)/, '') : one;
}
