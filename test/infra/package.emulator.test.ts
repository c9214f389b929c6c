import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { FUNCTION_NAMES } from '../../functions/hosts/cloud.ts';
import { installPackage } from '../fixtures/gcloud/package.ts';
import { startTestCloud, type TestCloud } from '../fixtures/hosts/emulated-cloud.ts';
import { ON_EMULATORS, useEmulators } from '../fixtures/hosts/emulators.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { importedPackages, recorded } from '../fixtures/system/passed.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

useEmulators();

const packed = recorded(
  'package',
  [
    ...['package-lock.json', 'tsconfig.json', '.gcloudignore', 'infra/build', 'functions/index.ts'],
    ...['test/infra/package.emulator.test.ts', 'test/fixtures/gcloud'],
  ],
  // The build removes parts of packages.
  importedPackages('functions'),
);

describe('the compiled package, installed for production in an empty folder', {
  timeout: 600_000,
  skip: ON_EMULATORS.skip || packed.skip,
}, () => {
  packed.record();
  let dir: TempDir;
  let server: SourceServer;
  let fleet: TestCloud;

  before(async () => {
    dir = await tempDir();
    const compiled = join(dir.path, 'package');
    await installPackage(compiled);
    const clip = await readFile(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red', frames: 15 }));
    server = await startSourceServer({ '/a.mp4': { body: clip }, '/b.mp4': { body: clip } });
    fleet = await startTestCloud(dir.path, { compiled });
  });
  after(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  test('contains no compiler and no tests', () => {
    for (const name of ['node_modules/typescript', 'node_modules/.bin/node', 'dist/test', 'dist/infra']) {
      assert.ok(!existsSync(join(dir.path, 'package', name)), name);
    }
  });

  test('has one ffmpeg, the Google APIs that are used, and one copy of each SDK', async (t) => {
    const modules = join(dir.path, 'package', 'node_modules');
    const files = await readdir(modules, { recursive: true });
    assert.deepEqual(
      files.filter((name) => basename(name) === 'ffmpeg' && statSync(join(modules, name)).isFile()),
      ['ffmpeg-static/ffmpeg'],
    );
    const apis = await readdir(join(modules, 'googleapis/build/src/apis'), { withFileTypes: true });
    assert.deepEqual(
      apis.filter((entry) => entry.isDirectory()).map(({ name }) => name),
      ['drive', 'oauth2'],
    );
    assert.ok(!existsSync(join(modules, 'elevenlabs/dist')));
    const bytes = files.reduce((sum, name) => sum + lstatSync(join(modules, name)).size, 0);
    t.diagnostic(`node_modules of the image: ${Math.round(bytes / 2 ** 20)} MB`);
  });

  test('serves the page about its interface, and carries nothing else of Swagger UI', async () => {
    const left = await readdir(join(dir.path, 'package', 'node_modules', 'swagger-ui-dist'));
    assert.deepEqual(
      left.filter((name) => name.endsWith('.map') || name.includes('-es-')),
      [],
    );
    for (const path of ['/openapi.json', '/docs', '/docs/swagger-ui-bundle.js', '/docs/start.js'])
      assert.equal((await fetch(`${fleet.cloud.urls.processMedia}${path}`)).status, 200, path);
  });

  test('serves the page for people, compiled', async () => {
    const page = await (await fetch(`${fleet.cloud.urls.processMedia}/`)).text();
    const files = [...page.matchAll(/<(?:script|link)[^>]* (?:src|href)="([^"]+)"/g)].map(([, file]) => file);
    assert.ok(files.length > 20 && files.some((file) => file?.endsWith('/web/main.js')), page);
    for (const file of files)
      assert.equal((await fetch(`${fleet.cloud.urls.processMedia}/${file}`)).status, 200, file);
  });

  test('loads the vendors that it carries', async () => {
    const loads = [
      'googleapis/build/src/apis/drive/index.js',
      'googleapis/build/src/apis/oauth2/index.js',
      'elevenlabs',
    ];
    const script = loads.map((name) => `await import('${name}');`).join('');
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: join(dir.path, 'package'),
    });
  });

  test('makes a task from the request to the manifest', async () => {
    const { task_id } = await fleet.post({
      task_name: 'packed',
      video_blocks: { hooks: [server.url('/a.mp4'), server.url('/b.mp4')] },
      text_to_speech: [{ text: 'Hi', voice: 'Sarah' }],
      output: { width: 160, height: 90, fps: 30 },
    });
    const status = await fleet.ended(String(task_id));
    assert.deepEqual([status['status'], status['succeeded'], status['failed']], ['completed', 2, 0]);
    assert.equal((await fleet.files(status)).length, 4);
  });

  test('serves every function', async () => {
    for (const name of FUNCTION_NAMES) {
      const body = name === 'processMedia' ? { dry_run: true } : { message: { messageId: '1' } };
      const response = await fetch(fleet.cloud.urls[name], {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      assert.equal(response.status, name === 'processMedia' ? 422 : 204, name);
      assert.equal(fleet.said(name), '', `${name} writes only log lines`);
    }
  });
});
