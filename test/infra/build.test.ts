import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const BUILD = resolve(import.meta.dirname, '../../infra/build/build.ts');

/** Runs the build in a package that contains only ffmpeg-static. */
async function build(ffmpeg: string | undefined) {
  await using dir = await tempDir();
  const folder = join(dir.path, 'node_modules', 'ffmpeg-static');
  await mkdir(folder, { recursive: true });
  await mkdir(join(dir.path, 'infra', 'build'), { recursive: true });
  await writeFile(join(dir.path, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'package.json'), '{"name":"ffmpeg-static"}');
  if (ffmpeg !== undefined) {
    await writeFile(join(folder, 'ffmpeg'), ffmpeg);
    await chmod(join(folder, 'ffmpeg'), 0o755);
  }
  await copyFile(BUILD, join(dir.path, 'infra', 'build', 'build.ts'));
  return spawnSync(process.execPath, [join(dir.path, 'infra', 'build', 'build.ts')], { encoding: 'utf8' });
}

describe('npm run gcp-build', () => {
  test('fails if the install script of ffmpeg-static left no binary, and says what to do', async () => {
    const { status, stderr } = await build(undefined);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^Expected ffmpeg-static to have its ffmpeg at .*, got none\.\n.*FFMPEG_BINARIES_URL/,
    );
  });

  test('fails if the binary is not ffmpeg', async () => {
    const { status, stderr } = await build('#!/bin/sh\necho "<html>Not found</html>"\n');
    assert.equal(status, 1);
    assert.match(stderr, /got one that does not run/);
  });

  test('passes the check if ffmpeg exists, and then fails without the compiler', async () => {
    const { stderr } = await build('#!/bin/sh\necho "ffmpeg version 6.1.1"\n');
    assert.match(stderr, /Cannot find module 'typescript/);
  });
});
