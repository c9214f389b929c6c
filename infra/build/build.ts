/**
 * npm run gcp-build, which Cloud Build runs before it packs the functions. Compiles functions/ to dist/functions/,
 * copies all files that are not TypeScript, and makes sure that the image contains exactly one ffmpeg.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compile } from './compile.ts';
import { removeOfflineEngine, removeUnused } from './prune.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');
const FFMPEG_STATIC = join(ROOT, 'node_modules', 'ffmpeg-static');
/** Before each further try to download ffmpeg, in milliseconds: the network of a build may fail once. */
const PAUSES = [0, 5_000, 15_000];
/** Adds what is missing, and removes nothing that the build needs. */
const INSTALL = ['install', '--no-save', '--no-audit', '--no-fund', '--include=dev', '--include=optional'];

await downloadFfmpeg();
checkFfmpeg();
// Set only by Google's builder: https://github.com/GoogleCloudPlatform/buildpacks/blob/main/pkg/env/env.go
if (process.env['GOOGLE_FUNCTION_TARGET'] !== undefined) {
  removeUnused();
  removeOfflineEngine();
}
compileFunctions();

/** ffmpeg-static is optional: if its install script fails, npm removes the package and reports no error. */
async function downloadFfmpeg(): Promise<void> {
  const script = join(FFMPEG_STATIC, 'install.js');
  for (const pause of PAUSES) {
    const isInstalled = existsSync(FFMPEG_STATIC);
    if (existsSync(join(FFMPEG_STATIC, 'ffmpeg')) || (isInstalled && !existsSync(script))) return;
    await sleep(pause);
    console.log('ffmpeg-static has no ffmpeg: downloading it again');
    if (isInstalled) spawnSync(process.execPath, [script], { cwd: FFMPEG_STATIC, stdio: 'inherit' });
    else spawnSync('npm', INSTALL, { cwd: ROOT, stdio: 'inherit' });
  }
}

function checkFfmpeg(): void {
  const binary = join(FFMPEG_STATIC, 'ffmpeg');
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
      'Its install script downloads it from github.com. Next step: read above why that failed, or set ' +
      'FFMPEG_BINARIES_URL for the build (gcloud functions deploy --set-build-env-vars) to a mirror of its releases.',
  );
  process.exit(1);
}

function compileFunctions(): void {
  rmSync(DIST, { recursive: true, force: true });
  const status = compile('tsconfig.build.json');
  if (status === 0) {
    cpSync(join(ROOT, 'functions'), join(DIST, 'functions'), {
      recursive: true,
      filter: (file) => !/\.(ts|md)$|tsconfig\.json$/.test(file),
    });
  }
  process.exitCode = status;
}
