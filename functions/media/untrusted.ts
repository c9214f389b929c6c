/** ffmpeg options for files from outside: what may open them, and how large they may be. */
import { allowing } from './allow-list.ts';

/**
 * The demuxers that may open a file from outside. Without the list, a playlist named clip.mp4 is opened as a playlist
 * and reads other files. image2 is not on it although it reads still pictures: ffmpeg chooses it for a name like 1.jpg,
 * and it takes the name as a pattern. The demuxers on the list recognize pictures by their bytes.
 */
export const DEMUXERS = [
  'mov,matroska,avi,mpegts,mpeg,flv,gif,mp3,wav,flac,ogg,aac,ac3,eac3,aiff,caf,asf,w64,amr',
  'png_pipe,jpeg_pipe,webp_pipe',
].flatMap((names) => names.split(','));
/**
 * What phones, cameras, screen recorders and editors write, or wrote. ffmpeg has 500 decoders, most of them hardly
 * maintained: those for Flash (VP6 and its ADPCM) are left out.
 */
const PICTURES = [
  'h264,hevc,libdav1d,libaom-av1,av1,vp8,vp9,libvpx,libvpx-vp9,mpeg1video,mpeg2video,mpeg4,h263,flv,mjpeg',
  'prores,dnxhd,cfhd,dvvideo,qtrle,rawvideo,v210,ffv1,huffyuv,utvideo,theora',
  'msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,gif,png,webp',
].flatMap((names) => names.split(','));
const SOUNDS = [
  'aac,aac_latm,mp3float,mp3,mp2float,mp2,mp1float,mp1,ac3,eac3,dca,opus,libopus,vorbis,libvorbis,flac,alac',
  'wmav1,wmav2,wmapro,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt',
  'pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_s8,pcm_u8,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be',
  'pcm_alaw,pcm_mulaw,pcm_dvd,pcm_bluray,s302m',
].flatMap((names) => names.split(','));
export const DECODERS = [...PICTURES, ...SOUNDS];
/** Above 8K (33 million). A larger picture would take all memory before anything else could refuse it. */
export const MAX_PIXELS = 40_000_000;
/** Cameras write up to ten, TV recordings a few dozen. Each takes memory before it is checked. */
const MAX_STREAMS = 100;

/** Clocks that are not set begin in 1970. */
const LONGEST_LEAP_SECONDS = 1e10;

/** `-i` for a file from outside, with the options that must stand before it. */
export function untrustedInput(file: string): string[] {
  return [
    ...allowing({ demuxers: DEMUXERS, decoders: DECODERS }),
    ...['-max_pixels', String(MAX_PIXELS), '-max_streams', String(MAX_STREAMS)],
    // Otherwise ffmpeg makes up other times after a leap of more than 30 hours.
    ...['-dts_error_threshold', String(LONGEST_LEAP_SECONDS)],
    ...['-i', `file:${file}`],
  ];
}
