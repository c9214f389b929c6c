/**
 * H.264 encoders in hardware, and the options with which they should make what joining demands: no B-frames, closed GOPs,
 * one profile and level, and a bit rate that is fixed for the whole profile, so that the header does not follow the clip.
 * Written from `ffmpeg -h encoder=NAME`; encoder-trial.ts shows whether an encoder keeps to them here.
 */
import { PermanentError } from '../base/errors.ts';
import { framesPerSecond } from '../model/frame-rate.ts';
import type { HardwareName, Profile } from '../model/pins.ts';
import { FfmpegError, lastMessage } from './ffmpeg-error.ts';
import { h264Level, type Level, timescale } from './profile.ts';

export interface HardwareEncoder {
  /** As ffmpeg names it. */
  codec: string;
  pixels: 'yuv420p' | 'nv12' | 'vaapi';
  /** Options before the input. */
  device: readonly string[];
  /** Filters behind the graph, which bring the picture to the encoder. */
  upload: readonly string[];
  /** Quality and whatever else is its own. */
  options(level: Level): string[];
}

/** Linux numbers the devices of graphics cards from here on. */
const RENDER_DEVICE = '/dev/dri/renderD128';

export const HARDWARE: Readonly<Record<HardwareName, HardwareEncoder>> = {
  nvenc: {
    codec: 'h264_nvenc',
    pixels: 'yuv420p',
    device: [],
    upload: [],
    options: ({ maxrate }) => [
      ...['-preset', 'p5', '-tune', 'hq', '-rc', 'vbr', '-cq', '23', '-b:v', '0', ...peak(maxrate)],
      ...['-forced-idr', '1', '-strict_gop', '1', '-no-scenecut', '1', '-spatial-aq', '1'],
    ],
  },
  qsv: {
    codec: 'h264_qsv',
    pixels: 'nv12',
    device: [],
    upload: ['format=nv12'],
    options: ({ maxrate }) => [
      ...['-preset', 'medium', '-b:v', kilobits(maxrate / 2), ...peak(maxrate)],
      ...['-forced_idr', '1', '-idr_interval', '0', '-look_ahead', '0'],
    ],
  },
  vaapi: {
    codec: 'h264_vaapi',
    pixels: 'vaapi',
    device: ['-vaapi_device', RENDER_DEVICE],
    upload: ['format=nv12', 'hwupload'],
    options: ({ maxrate }) => [
      ...['-rc_mode', 'VBR', '-b:v', kilobits(maxrate / 2), ...peak(maxrate)],
      ...['-idr_interval', '0', '-coder', 'cabac'],
    ],
  },
  videotoolbox: {
    codec: 'h264_videotoolbox',
    pixels: 'nv12',
    device: [],
    upload: ['format=nv12'],
    options: ({ maxrate }) => [
      ...['-b:v', kilobits(maxrate / 2), ...peak(maxrate)],
      ...['-allow_sw', '0', '-realtime', '0', '-coder', 'cabac'],
    ],
  },
  amf: {
    codec: 'h264_amf',
    pixels: 'nv12',
    device: [],
    upload: ['format=nv12'],
    options: ({ maxrate }) => [
      ...['-usage', 'transcoding', '-quality', 'balanced', '-rc', 'vbr_peak'],
      ...['-b:v', kilobits(maxrate / 2), ...peak(maxrate)],
    ],
  },
};

/**
 * x264, or another encoder, would give a clip another header than those before it. Throws PermanentError 'conform_failed'.
 * @param here the one that works now; undefined: x264
 */
export function refuseOtherEncoder({ encoder: began }: Profile, here: HardwareName | undefined): void {
  if (began === here) return;
  throw new PermanentError(
    'conform_failed',
    'conform',
    `Expected the encoder with which the task began, ${began ?? 'x264'}, got ${here ?? 'x264'}. Post the task again, or set ` +
      `VIDEO_ENCODER=${began ?? 'x264'} and retry it.`,
  );
}

/** What the encoder or its device says, which is not what x264 would mean by the same end of the run. */
export function reasonOf(error: FfmpegError, { codec }: HardwareEncoder): string {
  const own = error.stderr
    .split('\n')
    .find((line) => line.startsWith(`[${codec} @`) || line.startsWith('[AVHW'));
  return own === undefined ? error.shortMessage : lastMessage(own);
}

/** A PermanentError in place of a failure of ffmpeg, for a task that began with that encoder. */
export function failedInHardware(error: unknown, name: HardwareName): unknown {
  if (!FfmpegError.is(error)) return error;
  return new PermanentError(
    'conform_failed',
    'conform',
    `Expected a clip that ${name} can encode, got: ${reasonOf(error, HARDWARE[name])}. Export it again as MP4 (H.264, AAC), ` +
      'or unset VIDEO_ENCODER and post the task again.',
    { cause: error },
  );
}

/** Like those of x264 in conform.ts, as far as such encoders have them. */
export function encoderArguments(profile: Profile, { codec, pixels, options }: HardwareEncoder): string[] {
  const { rate } = profile;
  const level = h264Level(profile);
  const second = Math.round(framesPerSecond(rate));
  const ticks = String(timescale(rate));
  return [
    ...['-c:v', codec, ...options(level), '-profile:v', 'high'],
    // As level_idc: by name, some take 4.0 for 0.4.
    ...['-level:v', String(Math.round(10 * Number(level.name))), '-pix_fmt', pixels],
    ...['-bf', '0', '-flags:v', '+cgop', '-g', String(2 * second), '-keyint_min', String(second)],
    ...['-fps_mode', 'cfr', '-enc_time_base:v', `${rate.den}/${rate.num}`],
    ...['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'],
    ...['-video_track_timescale', ticks, '-movie_timescale', ticks],
  ];
}

/** As x264 gets it from conform.ts. */
function peak(maxrate: number): string[] {
  return ['-maxrate', kilobits(maxrate), '-bufsize', kilobits(maxrate * 1.25)];
}

function kilobits(count: number): string {
  return `${Math.round(count)}k`;
}
