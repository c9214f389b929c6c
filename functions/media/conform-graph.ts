/** The filter graph that brings any picture into a profile. Pure; every part was tried on odd files. */
import type { Probe, Profile } from '../ports.ts';
import { rateText } from '../task/frame-rate.ts';

type ClipVideo = NonNullable<Probe['video']>;

/** Untagged video this wide or high is taken for BT.709, smaller for BT.601, as players do. */
const HD_SIDE = 1280;

/** From input stream to `[v]`: `profile.width` x `profile.height`, constant rate, at most `maxFrames`. */
export function videoGraph(video: ClipVideo, profile: Profile, maxFrames: number): string {
  return [...head(video, profile, maxFrames), ...FIT[profile.fit](video, profile), ...tail()].join(',');
}

function head(video: ClipVideo, profile: Profile, maxFrames: number): string[] {
  return [
    `[0:${video.stream}]${video.interlaced ? 'bwdif=mode=send_frame:deint=interlaced,' : ''}` +
      // Without start_time: a change of size half-way builds the graph anew, which would begin at 0 again.
      `fps=fps=${rateText(profile.rate)}:round=near`,
    // A leap in the timestamps would fill hours with copies of one frame.
    `trim=end_frame=${maxFrames}`,
    // Transparency on black, without a second input.
    ...(video.alphaDecoder ? ['format=yuva420p', 'premultiply=inplace=1', 'format=yuv420p'] : []),
  ];
}

/** How a picture of another shape is fitted; cover and blur will be further entries. */
const FIT: Record<Profile['fit'], (video: ClipVideo, profile: Profile) => string[]> = { contain };

function contain(video: ClipVideo, { width, height }: Profile): string[] {
  // `dar` knows the rotation and the sample aspect.
  const wider = `gt(dar,${width}/${height})`;
  return [
    `scale='if(${wider},${width},2*max(1,round(${height}*dar/2)))'` +
      `:'if(${wider},2*max(1,round(${width}/dar/2)),${height})':${scaling(video)}`,
    ...toneMap(video),
    'format=yuv420p',
    'setsar=1',
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:black`,
  ];
}

function scaling(video: ClipVideo): string {
  const flags = 'flags=bicubic+accurate_rnd+full_chroma_int';
  if (video.hdr) return flags;
  // "auto" takes untagged video for BT.601 at any size: greens of HD shift.
  const untagged = Math.max(video.width, video.height) >= HD_SIDE ? 'bt709' : 'bt601';
  const matrix = video.matrix === null ? untagged : 'auto';
  return `${flags}:in_color_matrix=${matrix}:out_color_matrix=bt709:in_range=auto:out_range=tv`;
}

/** After scaling: a third of the time and two thirds of the memory. zscale refuses what is not tagged: say it. */
function toneMap({ hdr }: ClipVideo): string[] {
  if (!hdr) return [];
  const transfer = hdr === 'pq' ? 'smpte2084' : 'arib-std-b67';
  return [
    `setparams=color_primaries=bt2020:color_trc=${transfer}:colorspace=bt2020nc`,
    'zscale=t=linear:npl=203',
    'format=gbrpf32le',
    'zscale=p=bt709',
    'tonemap=mobius:param=0.3:desat=0',
    'zscale=t=bt709:m=bt709:r=tv',
  ];
}

/** What is said about colour here would otherwise be taken from the source, into the stream's header. */
function tail(): string[] {
  return [
    'setsar=1',
    'format=yuv420p',
    'setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709:field_mode=prog[v]',
  ];
}
