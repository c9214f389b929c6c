/** The answer to a dry run: the plan in pages, and on the first one how often each clip is used. */
import type { ChoicesView, PlanView } from '../model/answers/render.ts';
import type { Prices } from '../model/cost.ts';
import { estimateOf } from '../model/estimate.ts';
import type { Plan } from '../model/plan.ts';
import type { ValidRequest } from '../model/request.ts';
import { allowedBy, selectedCombinations } from '../model/selection.ts';
import { choicesOf } from '../pipeline/render-view.ts';
import { emptyPage, nextCursor, PAGE } from './page.ts';
import { queryMistake } from './query.ts';

/** Without dry_run a cursor would be ignored, and without the seed the pages would be of different plans. */
export function checkPaged({ dryRun, seed }: ValidRequest): void {
  if (!dryRun) {
    throw queryMistake(
      'cursor',
      'Expected a cursor only for a dry run, got one without dry_run. Leave it out.',
    );
  }
  if (seed === undefined) {
    throw queryMistake('cursor', 'Expected the seed of the first page in the body, got none. Add it.');
  }
}

export interface DryRunOptions {
  warnings: string[];
  prices: Prices;
  /** Index of the first video in the list; 0 for the first page. */
  from: number;
}

export function dryRunAnswer(
  valid: ValidRequest,
  plan: Plan,
  { warnings, prices, from }: DryRunOptions,
): PlanView {
  const selection = from === 0 ? selectionOf(valid, plan) : null;
  const page = emptyPage<ChoicesView>(PAGE, selection);
  for (const combination of plan.combinations.slice(from)) {
    if (page.isFull) break;
    page.add(choicesOf({ plan }, combination));
  }
  return {
    dry_run: true,
    task_name: valid.taskName,
    combinations: plan.combinations.length,
    seed: plan.seed,
    warnings,
    selection,
    estimate: from === 0 ? estimateView(plan, prices) : null,
    renders: [...page.entries],
    next_cursor: nextCursor(from + page.entries.length, plan.combinations.length),
  };
}

function estimateView(plan: Plan, prices: Prices): PlanView['estimate'] {
  const { characters, speechUsd, ...counts } = estimateOf(plan, prices);
  return {
    speech_characters: characters,
    speech_usd: speechUsd,
    ...counts,
    // Encoding is work of prepare, and most of the work there is.
    usd_per_compute_hour: prices.perHour.prepare,
  };
}

function selectionOf(valid: ValidRequest, { seed, total, formats }: Plan): PlanView['selection'] {
  const { blocks, rules = {} } = valid;
  const allowed = allowedBy(blocks, rules);
  const chosen = selectedCombinations(blocks, rules, seed);
  const each = (what: 'tracks' | 'lines') => (valid.selection?.[what] === 'each' ? valid[what].length : 1);
  return {
    possible: blocks.reduce((product, { clips }) => product * clips.length, 1),
    allowed: allowed === null || allowed === 'intricate' ? 0 : Number(allowed.count),
    chosen: chosen.length,
    tracks: each('tracks'),
    lines: each('lines'),
    formats: formats?.length ?? 1,
    videos: total * (formats?.length ?? 1),
    blocks: blocks.map(({ name, clips }, block) => {
      const uses = clips.map(() => 0);
      for (const places of chosen) {
        const place = places[block] as number;
        uses[place] = (uses[place] as number) + 1;
      }
      return { name, clips: clips.map((clip, place) => ({ name: clip.name, uses: uses[place] as number })) };
    }),
  };
}
