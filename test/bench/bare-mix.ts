/** The bare ffmpeg command of a mix: joins the clips by copying, mixes and encodes the sound, all in one run. */
import { join } from 'node:path';
import { allowing } from '../../functions/media/allow-list.ts';
import { mixArguments } from '../../functions/media/mix.ts';
import { type CombinationInput, mixOf } from '../fixtures/media/combination.ts';

/** Name of the list of clips in the mix's folder, for the concat demuxer. */
export const MIX_LIST = 'clips.ffconcat';

/** Prints loudness and true peak at the end, which a run of the service tells as well. */
const METER = 'ebur128=peak=true:framelog=verbose';

/** @param isMetered whether it also measures what it makes */
export function bareMixArguments(input: CombinationInput, isMetered: boolean): string[] {
  const plain = mixArguments(mixOf(input), { gain: 0, limit: 0.7 }, input.out);
  const metered = plain.map((arg, at) =>
    plain[at - 1] === '-filter_complex' ? arg.replace(/\[a\]$/, `,${METER}[a]`) : arg,
  );
  const sound = isMetered ? metered : plain;
  // The clips come last, so that the sounds keep their numbers.
  const graph = sound.indexOf('-filter_complex_threads');
  const mapped = sound.indexOf('-map');
  const clips = [
    ...allowing({ demuxers: ['concat', 'mov'], decoders: ['h264'] }),
    ...['-f', 'concat', '-safe', '0', '-i', `file:${join(input.dir, MIX_LIST)}`],
  ];
  const number = sound.slice(0, graph).filter((arg) => arg === '-i').length;
  return [
    ...sound.slice(0, graph),
    ...clips,
    ...sound.slice(graph, mapped),
    ...['-map', `${number}:v:0`, '-c:v', 'copy', ...sound.slice(mapped, -3)],
    ...['-movflags', '+faststart', ...sound.slice(-3)],
  ];
}

/** For the concat demuxer. Within single quotes only the quote itself is special (ffmpeg-utils, "Quoting"). */
export function concatList(files: readonly string[]): string {
  const lines = files.map((file) => `file 'file:${file.replaceAll("'", String.raw`'\''`)}'`);
  return ['ffconcat version 1.0', ...lines, ''].join('\n');
}
