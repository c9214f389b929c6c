/** ffmpeg's arguments for the sound of a combination: mixed, brought to its loudness and encoded in one run. */
import { type Master, soundGraph } from './mix-graph.ts';
import type { MixInput, MixSound } from './mix-levels.ts';
import { pcmInput } from './sound.ts';

/**
 * The fast coder without noise substitution, joint stereo and noise shaping takes half the time of the default (twoloop),
 * has 2-14 dB less error in every band at this bit rate, and keeps peaks near those of the source.
 */
const AAC = '-c:a aac -b:a 192k -aac_coder fast -aac_pns 0 -aac_is 0 -aac_tns 0'.split(' ');

/** @param out path of the file to make: AAC in MP4 */
export function mixArguments(input: MixInput, how: Master, out: string): string[] {
  const { total, own, music, voice } = input;
  const inputs = [
    ...own.map(pcmInput),
    ...(music === undefined ? [] : [looped(music, total)]),
    ...(voice === undefined ? [] : [pcmInput(voice.file)]),
  ];
  return [
    ...['-v', 'warning', '-nostats', '-y', ...inputs.flat(), '-filter_complex_threads', '1'],
    ...['-filter_complex', `${soundGraph(input, how)}[a]`, '-map', '[a]', ...AAC],
    ...['-map_metadata', '-1', '-fflags', '+bitexact', '-flags:a', '+bitexact', '-f', 'mp4', `file:${out}`],
  ];
}

/** Raw sound repeats without a gap. Compressed sound does not. */
function looped(music: MixSound, total: number): string[] {
  return [...(music.samples < total ? ['-stream_loop', '-1'] : []), ...pcmInput(music.file)];
}
