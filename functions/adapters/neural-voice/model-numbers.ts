/** Numbers that a model says about itself. They decide how much memory a voice takes, so none is believed unseen. */
import { DOWNLOAD, refused } from './refused-voice.ts';

interface Bounds {
  least: number;
  most: number;
}

/** The largest published voices have about a thousand speakers. */
const SPEAKERS: Bounds = { least: 1, most: 10_000 };
/** Hz. Voices have 16,000 to 48,000. */
const RATE: Bounds = { least: 8_000, most: 96_000 };
const SHOWN = 40;

/**
 * The number of speakers.
 * @throws {Error} that says what to do if this or the rate of the sound is out of bounds
 */
export function checkNumbers(dir: string, metadata: ReadonlyMap<string, string>): number {
  const count = metadata.get('n_speakers') ?? '';
  checkRange(dir, 'sample_rate', metadata.get('sample_rate') ?? '', RATE);
  // Some models of one speaker say so.
  if (count === '0') return 1;
  return checkRange(dir, 'n_speakers', count, SPEAKERS);
}

function checkRange(dir: string, key: string, text: string, { least, most }: Bounds): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  const expected = `a model with a ${key} of ${least} to ${most}`;
  throw refused(dir, expected, JSON.stringify(text.slice(0, SHOWN)), DOWNLOAD);
}
