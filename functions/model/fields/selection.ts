/** Fields of requests: which combinations are made. */

const MAX_RULES = 1_000;

const mode = (what: string) =>
  ({
    type: 'string',
    enum: ['random', 'each'],
    expected: 'random or each',
    hint: `each makes every combination with every ${what}, random draws one for each.`,
  }) as const;

export const selectionField = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  expected: 'an object with tracks, lines',
  hint: 'Leave it out for one track and one line per combination, drawn at random.',
  properties: { tracks: mode('track'), lines: mode('line') },
} as const;

export const limitField = {
  description:
    'Most combinations of clips: an even sample, in which each clip is used equally often, give or take one.',
  type: 'integer',
  minimum: 1,
  maximum: 1_000_000,
  expected: 'a whole number from 1 to 1000000',
  hint: 'Leave it out for all combinations.',
} as const;

const partialCombination = {
  description: 'Some of the blocks, each with the name of a clip or its number in the block, from 1.',
  type: 'object',
  minProperties: 1,
  expected: 'a partial combination, such as { "hooks": "a", "ctas": 2 }',
  hint: 'Name blocks, each with the name of a clip or its number in the block.',
  additionalProperties: {
    type: ['string', 'integer'],
    minimum: 1,
    minLength: 1,
    expected: 'the name of a clip, or its number in the block',
    hint: 'Numbers begin at 1.',
  },
} as const;

const rules = (description: string, hint: string) =>
  ({
    description,
    type: 'array',
    minItems: 1,
    maxItems: MAX_RULES,
    expected: `a list of 1-${MAX_RULES} partial combinations`,
    hint,
    items: partialCombination,
  }) as const;

export const includeField = rules(
  'Only combinations that match one of these are made.',
  'Leave it out for all.',
);
export const excludeField = rules(
  'Combinations that match one of these are left out.',
  'Leave it out for none.',
);
