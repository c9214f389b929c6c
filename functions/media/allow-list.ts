/** What one input of ffmpeg may make it open. Files that an input names itself are held to the same lists. */

export interface Allowed {
  /** By ffmpeg's names; one name of a demuxer with several is enough. */
  demuxers: readonly string[];
  /** A decoder that a build does not have may be named. */
  decoders: readonly string[];
}

/**
 * Options that stand before `-i`. The protocol list alone does not do: a playlist may name files, too.
 * https://ffmpeg.org/ffmpeg-formats.html#Format-Options
 */
export function allowing({ demuxers, decoders }: Allowed): string[] {
  return [
    ...['-protocol_whitelist', 'file'],
    ...['-format_whitelist', demuxers.join(',')],
    ...['-codec_whitelist', decoders.join(',')],
  ];
}
