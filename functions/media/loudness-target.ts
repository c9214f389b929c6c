/** Finds the gain and the limit that bring a sound to its loudness. Pure; the numbers were found by measurement. */

import { limiterLossOf } from './limiter-loss.ts';
import { MAX_GAIN_DB, type SoundLevels } from './loudness.ts';
import type { Master } from './mix-graph.ts';
import { type Envelope, loudnessOf } from './sound-envelope.ts';

/** -1.9 dBFS. Encoded peaks then stay below -1 dBTP, except those of saturated sound. */
const LIMIT = 0.8;
/** -3.1 dBFS, for parts at their own levels: nothing but the clips' own sound reaches it. */
const LIMIT_AS_IS = 0.7;
const HIGHEST_PEAK_DBTP = -1;
/** Encoded peaks follow the limit only roughly: each further try leaves more room. */
const PEAK_MARGIN_DB = 0.3;
/** What the platforms' own meters may differ by. */
const TOLERANCE_LU = 0.5;
/** The meter rounds to a tenth. */
const NEAR_LU = 0.45;
/** How much loudness a decibel of gain brings where the limiter is at work. */
const SLOPE = 0.6;
const LEAST_SLOPE = 0.35;
/** More than this only distorts. */
const MOST_AGAINST_LIMIT_DB = 6;
/** Each finds the gain ten times as exactly. */
const ROUNDS = 4;
const EXACT_LU = 0.02;
/** Below this it takes nothing that is heard. */
const HARDLY_LIMITED_DB = 1;

const OR_EVEN = '(audio.loudness), or send sounds of more even levels.';
const TOO_UNEVEN = `Its loudest moments are far above the rest, so more gain would only distort them. Ask for less loudness ${OR_EVEN}`;
const TOO_UNEVEN_UP = `Most of it is far below its loudest part. Ask for more loudness ${OR_EVEN}`;
const TOO_QUIET =
  `It was raised by ${MAX_GAIN_DB} dB and is too quiet: more gain would mostly raise noise. ` +
  'Send a louder sound, or lower it less (audio.music_db, audio.original_volume, fades), or ask for less loudness ' +
  '(audio.loudness).';
/** A film of less than 0.4 s has no loudness, either, however loud it is. */
const UNHEARD_DBTP = -60;

/** What was tried, and what the encoded sound then had. */
export interface Try {
  master: Master;
  levels: SoundLevels;
}

/** @param mixed the sum of all parts before any gain; undefined if it is silent, or no matter */
export function firstMaster(target: number | null, mixed: Envelope | undefined): Master {
  if (target === null) return { gain: 0, limit: LIMIT_AS_IS };
  const loudness = mixed === undefined ? null : loudnessOf(mixed);
  if (mixed === undefined || loudness === null) return { gain: 0, limit: LIMIT };
  const plain = target - loudness;
  let lost = 0;
  if (overOf(plain, mixed, LIMIT) > 0) {
    const lossAfter = limiterLossOf(mixed, LIMIT);
    for (let round = 0; round < ROUNDS; round++) {
      const known = lost;
      lost = lossAfter(capped(plain + known, plain));
      if (Math.abs(lost - known) < EXACT_LU) break;
    }
  }
  return { gain: capped(plain + lost, plain), limit: LIMIT };
}

/** @param plain the gain that would do without a limiter */
function capped(gain: number, plain: number): number {
  return Math.min(MAX_GAIN_DB, plain + MOST_AGAINST_LIMIT_DB, gain);
}

/** What to try next; undefined if nothing better is to be expected. @param tries in order, at least one */
export function nextMaster(
  target: number | null,
  mixed: Envelope | undefined,
  tries: readonly Try[],
): Master | undefined {
  const { master, levels } = tries.at(-1) as Try;
  const before = tries.at(-2);
  let { gain, limit } = master;
  const high = (levels.truePeak ?? Number.NEGATIVE_INFINITY) - HIGHEST_PEAK_DBTP;
  if (high > 0) limit *= 10 ** ((-tries.length * PEAK_MARGIN_DB - high) / 20);
  const plain = mixed === undefined ? null : loudnessOf(mixed);
  if (target !== null && levels.loudness !== null && mixed !== undefined && plain !== null) {
    const missing = target - levels.loudness;
    const wanted = gain + missing / slopeOf(mixed, master, levels, before);
    if (Math.abs(missing) > NEAR_LU) gain = capped(wanted, target - plain);
  }
  const isSame = Math.abs(gain - master.gain) < 0.05 && limit === master.limit;
  return isSame ? undefined : { gain, limit };
}

/** The try that is nearest to what was asked for: peaks first, because too high ones are distorted by players. */
export function bestTry(target: number | null, tries: readonly Try[]): number {
  const costs = tries.map(({ levels: { loudness, truePeak } }) => {
    const high = Math.max(0, (truePeak ?? Number.NEGATIVE_INFINITY) - HIGHEST_PEAK_DBTP);
    const miss = target === null || loudness === null ? 0 : Math.abs(target - loudness);
    return high * 100 + miss;
  });
  return costs.indexOf(Math.min(...costs));
}

/** What a video is told if its sound is not what was asked for, and what to do. */
export function loudnessWarnings(target: number | null, { master, levels }: Try): string[] {
  const { loudness, truePeak } = levels;
  const warnings: string[] = [];
  if (target !== null && loudness !== null && Math.abs(target - loudness) > TOLERANCE_LU) {
    const why = loudness > target ? TOO_UNEVEN_UP : master.gain < MAX_GAIN_DB ? TOO_UNEVEN : TOO_QUIET;
    warnings.push(`Expected a loudness of ${target.toFixed(1)} LUFS, got ${loudness.toFixed(1)}. ${why}`);
  }
  if (target !== null && loudness === null && truePeak !== null && truePeak < UNHEARD_DBTP) {
    warnings.push(
      `Expected a loudness of ${target.toFixed(1)} LUFS, got a sound that is too quiet to be measured, so it stays as it is. ` +
        'Send a louder sound, or none.',
    );
  }
  if (truePeak !== null && truePeak > HIGHEST_PEAK_DBTP) {
    warnings.push(
      `Expected peaks of at most ${HIGHEST_PEAK_DBTP.toFixed(1)} dBTP, got ${truePeak.toFixed(1)}, which players may distort. ` +
        'Ask for less loudness (audio.loudness), or send sounds that are not distorted themselves.',
    );
  }
  return warnings;
}

function slopeOf(mixed: Envelope, master: Master, levels: SoundLevels, before: Try | undefined): number {
  if (overOf(master.gain, mixed, master.limit) <= HARDLY_LIMITED_DB) return 1;
  const raised = before === undefined ? 0 : master.gain - before.master.gain;
  if (before === undefined || Math.abs(raised) < 0.1 || before.master.limit !== master.limit) return SLOPE;
  const louder = (levels.loudness as number) - (before.levels.loudness ?? (levels.loudness as number));
  return Math.min(1, Math.max(LEAST_SLOPE, louder / raised));
}

/** How far the highest sample is above the limit, dB. */
function overOf(gain: number, { peaks }: Envelope, limit: number): number {
  const peak = peaks.reduce((highest, next) => Math.max(highest, next), 0);
  return 20 * Math.log10(peak / limit) + gain;
}
