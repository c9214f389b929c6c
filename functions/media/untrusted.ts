/**
 * The demuxers that may open a file from outside. Without the list a playlist named clip.mp4 is opened as one and
 * reads other files. No still pictures, and not image2 above all: it takes a name as a pattern of names.
 */
const DEMUXERS = 'mov,matroska,avi,mpegts,mpeg,flv,gif,mp3,wav,flac,ogg,aac,ac3,eac3,aiff,caf,asf,w64,amr';
/** Above 8K (33 million); a larger picture takes all memory before anything else can refuse it. */
export const MAX_PIXELS = 40_000_000;

/** `-i` for a file that someone sent us, with all that must stand before it. */
export function untrustedInput(file: string): string[] {
  return [
    ...['-protocol_whitelist', 'file'],
    ...['-format_whitelist', DEMUXERS],
    ...['-max_pixels', String(MAX_PIXELS)],
    ...['-i', `file:${file}`],
  ];
}
