import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { ASSETS } from '../../functions/http/docs.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const OWN_ASSETS = resolve(import.meta.dirname, '../../functions/http/docs');
const BUILD = resolve(import.meta.dirname, '../../infra/build');

const FFMPEG = '#!/bin/sh\necho "ffmpeg version 6.1.1"\n';
/** Like that of ffmpeg-static, it downloads from FFMPEG_BINARIES_URL and fails if it gets nothing. */
const INSTALL = `
const { writeFileSync } = require('node:fs');
fetch(process.env.FFMPEG_BINARIES_URL).then(async (response) => {
  if (!response.ok) process.exit(1);
  writeFileSync('ffmpeg', await response.text(), { mode: 0o755 });
});
`;

interface BuildOptions {
  /** Where ffmpeg-static downloads from. */
  url?: string;
  env?: Record<string, string>;
  /** Looks at the package's node_modules: at first before the build, then after it. */
  more?: (modules: string) => Promise<void>;
}

/** Runs the build in a package that contains only ffmpeg-static. */
async function build(
  ffmpeg: string | undefined,
  { url, env = {}, more = async () => {} }: BuildOptions = {},
) {
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
  await more(dirname(folder));
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ...env, ...(url === undefined ? {} : { FFMPEG_BINARIES_URL: url }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  await more(dirname(folder));
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
    const ffmpeg = FFMPEG;
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.writeHead(200).end(ffmpeg);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { stdout, stderr } = await build(undefined, { url });
      assert.match(stdout, /ffmpeg-static has no ffmpeg: downloading it again/);
      assert.match(stderr, /Cannot find module 'typescript/, 'which is the next step');
      assert.equal(asked, 1);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test('leaves of Swagger UI what the page loads, with its licences, in an image', async () => {
    const found: string[][] = [];
    const from = resolve(import.meta.dirname, '../../node_modules/swagger-ui-dist');
    const more = async (modules: string) => {
      const folder = join(modules, 'swagger-ui-dist');
      if (found.length === 0) await cp(from, folder, { recursive: true });
      found.push((await readdir(folder)).sort());
    };
    await build(FFMPEG, { env: { GOOGLE_FUNCTION_TARGET: 'processMedia' }, more });
    const [all, left] = found;
    assert.ok((all?.length ?? 0) > 20);
    assert.deepEqual(left, [
      ...['LICENSE', 'NOTICE', 'favicon-32x32.png', 'package.json'],
      ...['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css'],
    ]);
    const loaded = ASSETS.filter((name) => !existsSync(join(OWN_ASSETS, name)));
    assert.deepEqual(
      loaded.filter((name) => !left.includes(name)),
      [],
    );
  });

  test('fails if the binary is not ffmpeg', async () => {
    const { status, stderr } = await build('#!/bin/sh\necho "<html>Not found</html>"\n');
    assert.equal(status, 1);
    assert.match(stderr, /got one that does not run/);
  });

  test('passes the check if ffmpeg exists, and then fails without the compiler', async () => {
    const { stderr } = await build(FFMPEG);
    assert.match(stderr, /Cannot find module 'typescript/);
  });
});
