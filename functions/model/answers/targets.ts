import type { FromSchema } from 'json-schema-to-ts';
import { CHECK_RESULTS } from '../target-checks.ts';
import { CHECK_IDS } from '../target-limits.ts';
import { TARGETS } from '../targets.ts';
import { count, list, object, oneOf, text } from './shape.ts';

const target = oneOf(TARGETS, 'The platform.');
const id = oneOf(CHECK_IDS, 'What was checked; names are stable.');

export const targetSchema = object({
  target,
  result: oneOf(CHECK_RESULTS, 'The worst of its checks.'),
  passed: list(id, 'Checks that the video passed.'),
  checks: list(
    object({
      id,
      result: oneOf(['note', 'missed'], 'missed: a written limit; note: advice, or convention.'),
      expected: text('What the platform writes.'),
      found: text('What the video has.'),
      hint: text('What to do.'),
    }),
    'Checks that it did not pass.',
  ),
});
export type TargetView = FromSchema<typeof targetSchema>;

export const targetCountsSchema = object({
  target,
  pass: count('Videos that passed all checks.'),
  note: count('Videos with notes only.'),
  missed: count('Videos that miss a written limit.'),
});
export type TargetCounts = FromSchema<typeof targetCountsSchema>;
