/** What a plan takes at most, by what is known before any of its sources is opened. */
import { costOf, type Prices } from './cost.ts';
import { mostCaptioned } from './pieces.ts';
import type { Line, Plan } from './plan.ts';
import { charactersOf } from './speech.ts';

export interface Estimate {
  /** Of all lines, each of them once. */
  characters: number;
  /** US dollars. */
  speechUsd: number;
  sources: number;
  clips: number;
  /** Runs of the encoder, if no clip can be copied and none was prepared before. */
  encodes: number;
}

export function estimateOf(plan: Plan, prices: Prices): Estimate {
  const { sources, formats } = plan;
  const characters = spokenCharacters(sources.filter((source) => source.kind === 'line'));
  const clips = sources.filter(({ kind }) => kind === 'clip').length;
  return {
    characters,
    speechUsd: costOf({ characters, prepareSeconds: 0, renderSeconds: 0 }, prices).speechUsd,
    sources: sources.length,
    clips,
    encodes: clips * (formats?.length ?? 1) + mostBurned(plan),
  };
}

/** The most clips that are encoded once more for their captions. */
export function mostBurned({ captions, combinations, formats }: Plan): number {
  return captions?.inside === 'burn' ? mostCaptioned(combinations) * (formats?.length ?? 1) : 0;
}

/** Lines that sound the same, such as one in two groups, are bought once. */
function spokenCharacters(lines: readonly Line[]): number {
  const bought = new Map(
    lines.map((line) => [
      JSON.stringify([line.text, line.voice, line.speed, line.language]),
      charactersOf(line),
    ]),
  );
  return [...bought.values()].reduce((sum, characters) => sum + characters, 0);
}
