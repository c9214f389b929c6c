import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const BUILD = resolve(import.meta.dirname, '../../infra/build');

/** Like that of ffmpeg-static, it downloads from FFMPEG_BINARIES_URL and fails if it gets nothing. */
const INSTALL = `
const { writeFileSync } = require('node:fs');
fetch(process.env.FFMPEG_BINARIES_URL).then(async (response) => {
  if (!response.ok) process.exit(1);
  writeFileSync('ffmpeg', await response.text(), { mode: 0o755 });
});
`;

/** Runs the build in a package that contains only ffmpeg-static. */
async function build(ffmpeg: string | undefined, url?: string) {
  await using dir = await tempDir();
  const folder = join(dir.path, 'node_modules', 'ffmpeg-static');
  await mkdir(folder, { recursive: true });
  await mkdir(join(dir.path, 'infra', 'build'), { recursive: true });
  await writeFile(join(dir.path, 'package.json'), '{"type":"module"}');
  if (ffmpeg !== undefined) {
    await writeFile(join(folder, 'ffmpeg'), ffmpeg);
    await chmod(join(folder, 'ffmpeg'), 0o755);
  }
  if (url !== undefined) await writeFile(join(folder, 'install.js'), INSTALL);
  await writeFile(join(folder, 'package.json'), '{"name":"ffmpeg-static","type":"commonjs"}');
  const script = join(dir.path, 'infra', 'build', 'build.ts');
  await cp(BUILD, dirname(script), { recursive: true });
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ...(url === undefined ? {} : { FFMPEG_BINARIES_URL: url }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { status, stdout, stderr };
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

  test('downloads ffmpeg again if that failed once', async () => {
    const ffmpeg = '#!/bin/sh\necho "ffmpeg version 6.1.1"\n';
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.writeHead(200).end(ffmpeg);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { stdout, stderr } = await build(undefined, url);
      assert.match(stdout, /ffmpeg-static has no ffmpeg: downloading it again/);
      assert.match(stderr, /Cannot find module 'typescript/, 'which is the next step');
      assert.equal(asked, 1);
    } finally {
      server.close();
      server.closeAllConnections();
    }
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
