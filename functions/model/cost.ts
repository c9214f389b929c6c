/** What a task cost, as an estimate: list prices times what was counted. */

/** In US dollars. */
export interface Prices {
  /** For 1,000 characters of bought speech. */
  speechPer1000: number;
  /** For an hour of making a source ready, and of making a video. */
  perHour: { prepare: number; render: number };
}

export interface Usage {
  /** Of the lines that the task bought. */
  characters: number;
  prepareSeconds: number;
  renderSeconds: number;
}

export interface TaskCost {
  characters: number;
  computeSeconds: number;
  /** US dollars. */
  speechUsd: number;
  computeUsd: number;
  /** Of both. */
  usd: number;
}

export function costOf({ characters, prepareSeconds, renderSeconds }: Usage, prices: Prices): TaskCost {
  const { speechPer1000, perHour } = prices;
  const speechUsd = (characters / 1000) * speechPer1000;
  const computeUsd = (prepareSeconds * perHour.prepare + renderSeconds * perHour.render) / 3600;
  return {
    characters,
    computeSeconds: toMillionths(prepareSeconds + renderSeconds),
    speechUsd: toMillionths(speechUsd),
    computeUsd: toMillionths(computeUsd),
    usd: toMillionths(speechUsd + computeUsd),
  };
}

/** Without the last digits of binary fractions. */
function toMillionths(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
