import { allowing } from './allow-list.ts';

/**
 * The demuxers that may open a file from outside. Without the list a playlist named clip.mp4 is opened as one and
 * reads other files. Not image2, though it is for still pictures: it takes a name as a pattern of names, and is asked
 * for by a name like 1.jpg. Those on the list know pictures by their bytes.
 */
const DEMUXERS = [
  'mov,matroska,avi,mpegts,mpeg,flv,gif,mp3,wav,flac,ogg,aac,ac3,eac3,aiff,caf,asf,w64,amr',
  'png_pipe,jpeg_pipe,webp_pipe',
].flatMap((names) => names.split(','));
/** What phones, cameras, screens and editors write. ffmpeg knows 500 decoders; most of them nobody looks after. */
const PICTURES = [
  'h264,hevc,libdav1d,libaom-av1,av1,vp8,vp9,libvpx,libvpx-vp9,mpeg1video,mpeg2video,mpeg4,h263,mjpeg',
  'prores,dnxhd,cfhd,dvvideo,qtrle,rawvideo,v210,ffv1,huffyuv,utvideo,theora,flv,vp6,vp6f,vp6a',
  'msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,gif,png,webp',
].flatMap((names) => names.split(','));
const SOUNDS = [
  'aac,aac_latm,mp3float,mp3,mp2float,mp2,mp1float,mp1,ac3,eac3,dca,opus,libopus,vorbis,libvorbis,flac,alac',
  'wmav1,wmav2,wmapro,amrnb,amrwb,libopencore_amrnb,libopencore_amrwb,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf',
  'pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_s8,pcm_u8,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be',
  'pcm_alaw,pcm_mulaw,pcm_dvd,pcm_bluray,s302m',
].flatMap((names) => names.split(','));
/** Above 8K (33 million); a larger picture takes all memory before anything else can refuse it. */
export const MAX_PIXELS = 40_000_000;
/** Cameras write up to ten, recordings of television some dozens; each takes memory before it is looked at. */
const MAX_STREAMS = 100;

/** `-i` for a file that someone sent us, with all that must stand before it. */
export function untrustedInput(file: string): string[] {
  return [
    ...allowing({ demuxers: DEMUXERS, decoders: [...PICTURES, ...SOUNDS] }),
    ...['-max_pixels', String(MAX_PIXELS), '-max_streams', String(MAX_STREAMS)],
    ...['-i', `file:${file}`],
  ];
}
