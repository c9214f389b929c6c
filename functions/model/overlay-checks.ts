/** Mistakes in `overlays` that the schema cannot express. */
import type { Mistake } from '../base/errors.ts';
import { blockEntries, isObject } from './block-entries.ts';
import { nearestName, shown } from './mistakes.ts';

/** Names that a message lists. */
const MAX_NAMES = 10;

interface Block {
  name: string;
  /** How long its clips are, in seconds, as far as the request says. */
  lengths: (number | undefined)[];
}

/** Accepts a body of any shape. */
export function overlayMistakes(body: Record<string, unknown>): Mistake[] {
  const overlays = body['overlays'];
  if (!Array.isArray(overlays)) return [];
  const blocks = [...blockEntries(body['video_blocks'])].map(({ name, urls }) => ({
    ...{ name: String(name), lengths: urls.map(lengthOf) },
  }));
  return overlays.flatMap((overlay, number) =>
    isObject(overlay)
      ? [...blockMistakes(overlay, number, blocks), ...timeMistakes(overlay, number, blocks)]
      : [],
  );
}

function blockMistakes(
  { blocks: wanted }: Record<string, unknown>,
  number: number,
  blocks: readonly Block[],
): Mistake[] {
  if (!Array.isArray(wanted) || blocks.length === 0) return [];
  const known = blocks.map(({ name }) => name);
  return wanted.flatMap((name, at) => {
    if (typeof name !== 'string' || name === '' || known.includes(name)) return [];
    const more = known.length - MAX_NAMES;
    const listed = known.slice(0, MAX_NAMES).map((some) => shown(some).slice(1, -1));
    const nearest = nearestName(name, known);
    const message =
      `Expected one of ${listed.join(', ')}${more > 0 ? ` and ${more} more` : ''}, got the unknown block ${shown(name)}. ` +
      (nearest === undefined
        ? 'Use the names of video_blocks.'
        : `Did you mean ${shown(nearest).slice(1, -1)}?`);
    return [{ pointer: `/overlays/${number}/blocks/${at}`, code: 'unknown' as const, message }];
  });
}

/** One that would never be seen: the caller expects something else. */
function timeMistakes(
  { from = 0, to, blocks: wanted }: Record<string, unknown>,
  number: number,
  blocks: readonly Block[],
): Mistake[] {
  if (typeof from !== 'number') return [];
  if (typeof to === 'number' && to <= from) {
    const message = `Expected a time after from (${from} s), got ${to} s. Both count from the start of the clip: raise to, or lower from.`;
    return [{ pointer: `/overlays/${number}/to`, code: 'conflict', message }];
  }
  const burned = blocks.filter(({ name }) => !Array.isArray(wanted) || wanted.includes(name));
  const lengths = burned.flatMap((block) => block.lengths);
  if (from === 0 || lengths.length === 0 || lengths.includes(undefined)) return [];
  const longest = Math.max(...(lengths as number[]));
  if (from < longest) return [];
  const message = `Expected a time within a clip that gets it, the longest of which lasts ${longest} s, got ${from} s. Lower it.`;
  return [{ pointer: `/overlays/${number}/from`, code: 'conflict', message }];
}

function lengthOf(clip: unknown): number | undefined {
  if (!isObject(clip)) return undefined;
  const { start_seconds: start = 0, end_seconds: end } = clip;
  if (typeof start !== 'number' || typeof end !== 'number' || end <= start) return undefined;
  return Math.round((end - start) * 1e6) / 1e6;
}
