/** The H.264 encoder of a clip: the same stream header for every clip of a profile, whatever its source. */
import { framesPerSecond } from '../model/frame-rate.ts';
import type { Profile } from '../model/pins.ts';
import type { Probe } from '../model/probe.ts';
import { encoderArguments, HARDWARE } from './hardware-encoders.ts';
import { h264Level, timescale } from './profile.ts';
import { LARGE_PHOTO } from './untrusted.ts';

/** The encoder settings that decide size, quality and time. `npm run bench -- encoder` measures others. */
export interface Encoding {
  preset: string;
  crf: number;
  tune?: string;
  /** More options of x264, which override ours. */
  x264?: readonly string[];
}

/** Two thirds of the bytes of superfast for a quarter more time. The next slower preset takes a fifth or third longer. */
export const ENCODING: Encoding = { preset: 'veryfast', crf: 20 };
/** Without looking ahead, the encoder takes 100 MB less and more bytes. Of a picture that stands, it sees no less. */
export function lighter({ still, pixels }: NonNullable<Probe['video']>, encoding: Encoding): Encoding {
  if (!still || pixels < LARGE_PHOTO) return encoding;
  return { ...encoding, x264: [...(encoding.x264 ?? []), 'rc-lookahead=0'] };
}

/** Keeps everything about the source and our settings out of the stream's header. Joins break if any option is missing. */
export function encoderOf(profile: Profile, { preset, crf, tune, x264: more = [] }: Encoding): string[] {
  if (profile.encoder !== undefined) return encoderArguments(profile, HARDWARE[profile.encoder]);
  const { rate } = profile;
  const level = h264Level(profile);
  const second = Math.round(framesPerSecond(rate));
  const ticks = String(timescale(rate));
  const x264 = [
    // Keeps the CRF out of the PPS.
    'stitchable=1',
    'open-gop=0:b-pyramid=none:rc-lookahead=10:force-cfr=1',
    // chromaloc would otherwise be taken from a JPEG-range source.
    'sar=1/1:fullrange=off:colorprim=bt709:transfer=bt709:colormatrix=bt709:chromaloc=0',
    `vbv-maxrate=${level.maxrate}:vbv-bufsize=${level.maxrate * 1.25}`,
    ...more,
  ];
  return [
    ...['-c:v', 'libx264', '-preset', preset, ...(tune === undefined ? [] : ['-tune', tune])],
    ...['-crf', String(crf), '-profile:v', 'high'],
    ...['-level:v', level.name, '-pix_fmt', 'yuv420p'],
    // Without B-frames a clip may be one frame long, needs no edit list, and can be cut at any frame when joined.
    ...['-bf', '0', '-refs', '3', '-flags:v', '+cgop'],
    ...['-g', String(2 * second), '-keyint_min', String(second)],
    // In addition to the fps filter: fills a late start, and the gap that a change of size leaves.
    ...['-fps_mode', 'cfr', '-enc_time_base:v', `${rate.den}/${rate.num}`],
    ...['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'],
    ...['-x264-params', x264.join(':'), '-video_track_timescale', ticks, '-movie_timescale', ticks],
  ];
}
