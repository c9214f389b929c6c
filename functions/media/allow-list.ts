/** Limits the protocols, demuxers and decoders that ffmpeg uses for an input and for the files that the input names. */

export interface Allowed {
  /** Names as ffmpeg has them. If a demuxer has several names, one is enough. */
  demuxers: readonly string[];
  /** May include decoders that a build does not have. */
  decoders: readonly string[];
}

/**
 * Options that stand before `-i`. A list of protocols is not enough, because a playlist may name local files.
 * https://ffmpeg.org/ffmpeg-formats.html#Format-Options
 */
export function allowing({ demuxers, decoders }: Allowed): string[] {
  return [
    ...['-protocol_whitelist', 'file'],
    ...['-format_whitelist', demuxers.join(',')],
    ...['-codec_whitelist', decoders.join(',')],
  ];
}
