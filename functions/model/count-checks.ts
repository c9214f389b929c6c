/** Whether a request asks for more videos than MAX_COMBINATIONS. */
import type { Mistake } from '../base/errors.ts';
import { blockEntries, isObject } from './block-entries.ts';
import { MAX_BLOCKS } from './fields/sources.ts';

/**
 * Accepts a body of any shape.
 * @param allowed combinations of clips that the rules allow; undefined if that cannot be told
 */
export function countMistakes(
  body: Record<string, unknown>,
  allowed: number | undefined,
  most: number,
): Mistake[] {
  if (allowed === undefined) return [];
  const { limit } = body;
  const isLimited = typeof limit === 'number' && limit >= 1 && limit < allowed;
  const combinations = isLimited ? limit : allowed;
  const more = factorsOf(body);
  const count = more.reduce((product, { size }) => product * size, combinations);
  if (count <= most) return [];
  const sizes = [...blockEntries(body['video_blocks'])]
    .map(({ urls }) => urls.length)
    .filter((size) => size > 0);
  const product = sizes.slice(0, MAX_BLOCKS).join(' x ');
  const source = isLimited
    ? `limit, of ${allowed}`
    : body['include'] === undefined && body['exclude'] === undefined
      ? product
      : `of ${product}, by the rules`;
  const factors = more.map(({ size, what }) => ` x ${size} ${what}`).join('');
  const fewer = more.length > 0 ? `ask for fewer ${more.map(({ what }) => what).join(' or ')}, ` : '';
  const got = `${count}: ${combinations} combinations (${source})${factors}`;
  return [
    {
      pointer: isLimited ? '/limit' : '/video_blocks',
      code: 'too_many',
      message:
        `Expected at most ${most} videos, got ${got}. ` +
        `${isLimited ? 'Lower limit' : 'Set limit, leave out clips'}, ${fewer}or raise MAX_COMBINATIONS.`,
    },
  ];
}

/** What each combination of clips is multiplied by. */
function factorsOf(body: Record<string, unknown>): { size: number; what: string }[] {
  const { output, selection, text_to_speech: lines, text_to_speach: alias } = body;
  const isEach = (what: string) => isObject(selection) && selection[what] === 'each';
  const tracks = [...blockEntries(body['audio_blocks'])].reduce((sum, { urls }) => sum + urls.length, 0);
  return [
    { what: 'tracks', size: isEach('tracks') ? tracks : 1 },
    { what: 'lines', size: isEach('lines') ? lengthOf(lines ?? alias) : 1 },
    { what: 'formats', size: isObject(output) ? lengthOf(output['formats']) : 1 },
  ].filter(({ size }) => size > 1);
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}
