/** ffmpeg options for files from outside: what may open them, and how large they may be. */
import { allowing } from './allow-list.ts';

/**
 * The demuxers that may open a file from outside. Without the list, a playlist named clip.mp4 is opened as a playlist
 * and reads other files. image2 is not on it although it reads still pictures: ffmpeg chooses it for a name like 1.jpg,
 * and it takes the name as a pattern. The demuxers on the list recognize pictures by their bytes.
 */
export const DEMUXERS = [
  'mov,matroska,avi,mpegts,mpeg,flv,gif,mp3,wav,flac,ogg,aac,ac3,eac3,aiff,caf,asf,w64,amr',
  'png_pipe,jpeg_pipe,webp_pipe,apng',
].flatMap((names) => names.split(','));
/**
 * What phones, cameras, screen recorders and editors write, or wrote. ffmpeg has 500 decoders, most of them hardly
 * maintained: those for Flash (VP6 and its ADPCM) are left out.
 */
const PICTURES = [
  'h264,hevc,libdav1d,libaom-av1,av1,vp8,vp9,libvpx,libvpx-vp9,mpeg1video,mpeg2video,mpeg4,h263,flv,mjpeg',
  'prores,dnxhd,cfhd,dvvideo,qtrle,rawvideo,v210,ffv1,huffyuv,utvideo,theora',
  'msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,gif,png,apng,webp',
].flatMap((names) => names.split(','));
/**
 * Decoders by codec, where their names differ. Those for G.722, G.726 and GSM (cameras, telephones) and all kinds of PCM
 * are short, keep no tables of the file's making, and take memory only for what they put out.
 */
const NAMED_OTHERWISE: Readonly<Record<string, readonly string[]>> = {
  ...{ mp3: ['mp3float', 'mp3'], mp2: ['mp2float', 'mp2'], mp1: ['mp1float', 'mp1'], dts: ['dca'] },
  ...{ opus: ['opus', 'libopus'], vorbis: ['vorbis', 'libvorbis'] },
  ...{ amr_nb: ['amrnb', 'libopencore_amrnb'], amr_wb: ['amrwb', 'libopencore_amrwb'] },
  ...{ adpcm_g722: ['g722'], adpcm_g726: ['g726'], adpcm_g726le: ['g726le'] },
};
const NAMED_ALIKE = [
  'aac,aac_latm,ac3,eac3,flac,alac,wmav1,wmav2,wmapro,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,gsm,gsm_ms,s302m',
  'pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_s8,pcm_u8,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be',
  'pcm_u16le,pcm_u16be,pcm_u24le,pcm_u24be,pcm_u32le,pcm_u32be,pcm_s64le,pcm_s64be,pcm_f16le,pcm_f24le',
  'pcm_s8_planar,pcm_s16le_planar,pcm_s16be_planar,pcm_s24le_planar,pcm_s32le_planar',
  'pcm_alaw,pcm_mulaw,pcm_dvd,pcm_bluray',
].flatMap((names) => names.split(','));
const SOUNDS = [...NAMED_ALIKE, ...Object.values(NAMED_OTHERWISE).flat()];
/** Whether a decoder on the list may read this codec. Takes the codec's own name, not that of a decoder. */
export function isSoundAccepted(codec: string): boolean {
  return NAMED_ALIKE.includes(codec) || Object.hasOwn(NAMED_OTHERWISE, codec);
}
export const DECODERS = [...PICTURES, ...SOUNDS];
/** Above 8K (33 million). A larger picture would take all memory before anything else could refuse it. */
export const MAX_PIXELS = 40_000_000;
/** The largest sensors of phones write 16320x12240. A photo is one picture, and a JPEG is decoded smaller than it is. */
export const MAX_PHOTO_PIXELS = 202_000_000;
/** From so many pixels on, a photo leaves little of 512 MB for anything else. */
export const LARGE_PHOTO = 24_000_000;
/** Cameras write up to ten, TV recordings a few dozen. Each takes memory before it is checked. */
const MAX_STREAMS = 100;

/** Clocks that are not set begin in 1970. */
const LONGEST_LEAP_SECONDS = 1e10;

/** `-i` for a file from outside, with the options that must stand before it. */
export function untrustedInput(file: string, maxPixels: number = MAX_PIXELS): string[] {
  return [
    ...allowing({ demuxers: DEMUXERS, decoders: DECODERS }),
    ...['-max_pixels', String(maxPixels), '-max_streams', String(MAX_STREAMS)],
    // Otherwise ffmpeg makes up other times after a leap of more than 30 hours.
    ...['-dts_error_threshold', String(LONGEST_LEAP_SECONDS)],
    ...['-i', `file:${file}`],
  ];
}

/**
 * The same for a photo, as it is stored. Builds differ in which photos they turn upright, so our own filters turn all.
 * `halvings` says how often the sides of a JPEG are halved while it is decoded, 0 to 3, which saves memory. Other photos
 * cannot be.
 */
export function photoInput(file: string, halvings: number): string[] {
  // With more threads, memory is taken for pictures that never come.
  const decoding = ['-noautorotate', '-threads', '1', '-lowres', String(halvings)];
  return [...decoding, ...untrustedInput(file, MAX_PHOTO_PIXELS)];
}
