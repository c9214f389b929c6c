/** The container: its files are checked always; the image is built and run in exhaustive runs, where buildah is. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { chown, mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ValidatorSettings, validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { composeErrors } from '../fixtures/container/compose.ts';
import { type Container, runContainer, runToEnd } from '../fixtures/container/container.ts';
import { buildImage, CAN_BUILD, type Image } from '../fixtures/container/image.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const { version, devDependencies } = JSON.parse(read('package.json')) as {
  version: string;
  devDependencies: Record<string, string>;
};

describe('the files of the container', () => {
  const dockerfile = read('infra/container/Dockerfile');
  const lines = dockerfile.split('\n').filter((line) => !line.startsWith('#'));
  const compose = parse(read('infra/container/compose.yaml'));
  const service = compose.services['every-cut'];

  test('the Dockerfile has no mistake that its linter knows', () => {
    const strict = { deprecatedMaintainer: 2, instructionCmdMultiple: 2, instructionWorkdirRelative: 2 };
    const found = (text: string) => validate(text, strict as ValidatorSettings).map(({ message }) => message);
    assert.deepEqual(found(dockerfile), []);
    // The linter does look.
    assert.equal(found('FROM node\nEXPOSE eighty\n').length, 1);
  });

  test('the Dockerfile is built on the exact Node that the tests run on', () => {
    assert.match(
      dockerfile,
      new RegExp(`^ARG NODE_IMAGE=docker\\.io/library/node:${devDependencies['node']}-trixie-slim$`, 'm'),
    );
    const bases = lines.filter((line) => line.startsWith('FROM '));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the Dockerfile's.
    assert.ok(bases.length === 2 && bases.every((line) => line.includes('${NODE_IMAGE}')));
  });

  test('the Dockerfile ends with a user without rights, by number, and a health check', () => {
    assert.equal(
      lines.findLast((line) => line.startsWith('USER ')),
      'USER 1000:1000',
    );
    assert.match(dockerfile, /^HEALTHCHECK (.+\\\n)?.*\/healthz/m);
  });

  test('the image names the version of the package', () => {
    assert.ok(dockerfile.includes(`org.opencontainers.image.version="${version}"`));
  });

  test('the builder is sent all that the Dockerfile copies, and nothing else', () => {
    const ignore = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    assert.equal(ignore[0], '*');
    const sent = ignore.flatMap((line) => (line.startsWith('!/') ? [line.slice(2)] : []));
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1))
      .map((path) => path.replace(/\/prune\.ts$/, ''));
    assert.deepEqual([...new Set(copied)].sort(), sent.sort());
    for (const path of sent) assert.ok(existsSync(join(ROOT, path)), path);
  });

  test('compose.yaml is one by the Compose specification', () => {
    assert.equal(compose.name, 'every-cut');
    assert.deepEqual(composeErrors(compose), []);
    assert.notDeepEqual(
      composeErrors({ services: { 'every-cut': { image: 'every-cut', read_olny: true } } }),
      [],
    );
  });

  test('compose.yaml has the health check of the Dockerfile, which Podman drops unless told to keep it', () => {
    const [, options = '', command = ''] = /^HEALTHCHECK (.*)\\\n {2}CMD (.*)$/m.exec(dockerfile) ?? [];
    const { test: ask, ...times } = service.healthcheck;
    assert.equal(
      Object.entries(times)
        .map(([name, value]) => `--${name.replace('_', '-')}=${value} `)
        .join(''),
      options,
    );
    // Compose takes $ for a variable of its own, and $$ for $.
    assert.deepEqual(
      ['CMD', ...JSON.parse(command)],
      ask.map((part: string) => part.replaceAll('$$', '$')),
    );
    assert.match(read('infra/README.md'), /podman build --format docker/);
  });

  test('the volumes of compose.yaml are those that the commands of the documents name', () => {
    const called = (service.volumes as string[]).map((volume) => {
      const [name = '', folder] = volume.split(':');
      return `-v ${compose.volumes[name].name}:${folder}`;
    });
    for (const file of ['README.md', 'infra/README.md', 'infra/OPERATIONS.md'])
      assert.ok(read(file).includes(called.join(' ')), `${file}: ${called}`);
  });

  test('the documents draw a key, and show none that could be copied', () => {
    for (const file of ['README.md', 'infra/README.md']) {
      assert.match(read(file), /API_KEY="\$\(openssl rand -hex 24\)"/, file);
      assert.doesNotMatch(read(file), /API_KEY=[\w-]/, file);
    }
  });

  test('compose.yaml takes from the service what it does not need, and requires a key', () => {
    const { read_only, cap_drop, security_opt, ports, environment, volumes } = service;
    assert.deepEqual(
      [read_only, cap_drop, security_opt, ports],
      [true, ['ALL'], ['no-new-privileges:true'], ['127.0.0.1:8080:8080']],
    );
    assert.match(environment.API_KEY, /^\$\{API_KEY:\?/);
    assert.deepEqual(
      volumes.map((volume: string) => volume.split(':')[1]),
      JSON.parse(/^VOLUME (.+)$/m.exec(dockerfile)?.[1] ?? '[]'),
    );
  });
});

test('the unit for systemd in OPERATIONS.md runs what npm start runs, and stops it as the container does', () => {
  const unit = /<!-- systemd -->\n```ini\n([^`]*)```/.exec(read('infra/OPERATIONS.md'))?.[1] ?? '';
  const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
  const lines = unit.replace(/ \\\n\s+/g, ' ').split('\n');
  assert.ok(lines.includes(`ExecStart=/opt/every-cut/node_modules/.bin/${scripts.start}`), unit);
  const grace = parse(read('infra/container/compose.yaml')).services['every-cut'].stop_grace_period;
  assert.ok(lines.includes(`TimeoutStopSec=${Number.parseInt(grace, 10)}`), unit);
});

describe('the image, built and run', { timeout: 1_800_000, ...CAN_BUILD }, () => {
  const API_KEY = 'a key of the container test';
  let dir: TempDir;
  let image: Image;

  before(async () => {
    dir = await tempDir();
    image = await buildImage(dir.path);
  });
  after(() => dir?.[Symbol.asyncDispose]());

  /** Folders for the volumes of the image, owned by its user. */
  async function volumes(name: string): Promise<Record<string, string>> {
    const places = Object.keys(image.config.Volumes);
    const [uid, gid] = image.config.User.split(':').map(Number);
    const folders = await Promise.all(
      places.map(async (place) => {
        const folder = join(dir.path, name, place);
        await mkdir(folder, { recursive: true });
        await chown(folder, uid as number, gid as number);
        return [place, folder] as const;
      }),
    );
    return Object.fromEntries(folders);
  }

  test('has no compiler, no tests, and no ffmpeg but that of Debian', async (t) => {
    const modules = join(image.root, 'app/node_modules');
    for (const name of ['typescript', 'node', 'ffmpeg-static', '@ffmpeg-binary', 'playwright-core'])
      assert.ok(!existsSync(join(modules, name)), name);
    assert.deepEqual((await readdir(join(image.root, 'app'))).sort(), [
      ...['LICENSE', 'functions', 'infra', 'node_modules', 'package.json'],
    ]);
    assert.deepEqual(globSync('app/**/*.md', { cwd: image.root, exclude: ['app/node_modules'] }), []);
    const bytes = globSync('**', { cwd: image.root, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
    t.diagnostic(`files of the image: ${Math.round(bytes / 2 ** 20)} MB`);
  });

  test('runs as a user without rights that can write to nothing but its volumes and /tmp', async () => {
    const script = `
      const { readFileSync, writeFileSync } = require('node:fs');
      const can = (file) => { try { writeFileSync(file, ''); return true; } catch ({ code }) { return code; } };
      const [, capabilities] = /^CapBnd:\\s*(\\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
      const files = ['/app/x', '/x', '/usr/local/bin/x', '/data/x', '/output/x', '/tmp/x'];
      console.log(JSON.stringify([process.pid, process.getuid(), Number(capabilities), ...files.map(can)]));`;
    const command = ['node', '--eval', script];
    const { said } = await runToEnd(image, { bare: true, command, volumes: await volumes('rights') });
    assert.deepEqual(JSON.parse(said), [1, 1000, 0, 'EROFS', 'EROFS', 'EROFS', true, true, true]);
  });

  test('keeps no zombie of a process whose parent has ended, as a stopped cage leaves one', async () => {
    const script = `
      const { execFileSync } = require('node:child_process');
      const { readdirSync, readFileSync } = require('node:fs');
      execFileSync('sh', ['-c', '(sleep 0.2 &)'], { stdio: 'ignore' });
      const states = () => readdirSync('/proc')
        .filter((name) => /^\\d+$/.test(name))
        .map((pid) => readFileSync('/proc/' + pid + '/stat', 'latin1').replace(/^.*\\) (.).*$/s, '$1'));
      setTimeout(() => console.log(states().length, states().includes('Z')), 1000);`;
    const { said } = await runToEnd(image, {
      command: ['--eval', script],
      volumes: await volumes('zombies'),
    });
    // The init and Node.
    assert.equal(said, '2 false\n');
  });

  test('makes eight of eight videos in its demo', async (t) => {
    const folders = await volumes('demo');
    const { code, said } = await runToEnd(image, { command: ['infra/demo/demo.ts'], volumes: folders });
    assert.equal(code, 0, said);
    assert.match(said, /^succeeded {2}8$/m);
    const made = await readdir(join(folders['/output'] as string, 'Every Cut demo'));
    assert.equal(made.filter((name) => name.endsWith('.mp4')).length, 8);
    t.diagnostic(said.slice(said.indexOf('videos     8')));
  });

  test('does not start without a key, and says what to set', async () => {
    const { code, said } = await runToEnd(image, { volumes: await volumes('no-key') });
    assert.equal(code, 1);
    assert.match(said, /^ {2}API_KEY: expected a key of at least 16 characters because HOST is 0\.0\.0\.0/m);
  });

  test('serves, stops in order on SIGTERM, and knows its tasks after a restart', async (t) => {
    const folders = await volumes('service');
    // The demo beside it serves its clips on loopback.
    const env = { API_KEY, ALLOW_PRIVATE_URLS: 'true' };
    const first = await started(await runContainer(image, { env, volumes: folders }));
    const [, ...check] = image.config.Healthcheck.Test;
    const asked = await runToEnd(image, { bare: true, command: check, volumes: {}, beside: first });
    assert.equal(asked.code, 0, `the health check: ${asked.said}`);

    const demo = ['infra/demo/demo.ts', '--url', 'http://127.0.0.1:8080'];
    const own = {
      '/data': (await volumes('client'))['/data'] as string,
      '/output': folders['/output'] as string,
    };
    const posted = await runToEnd(image, { command: demo, env, volumes: own, beside: first });
    assert.equal(posted.code, 0, posted.said);
    const id = /"task_id":"([0-9a-f-]{36})"/.exec(first.said())?.[1];

    const at = performance.now();
    process.kill(first.pid, 'SIGTERM');
    assert.equal(await first.ended, 0);
    t.diagnostic(`stopped after ${Math.round(performance.now() - at)} ms`);
    assert.ok(performance.now() - at < 10_000);
    assert.match(first.said(), /"event":"host\.stopping","signal":"SIGTERM"/);

    const second = await started(await runContainer(image, { env, volumes: folders }));
    const script = `
      const { createClient } = await import('/app/functions/client/client.ts');
      const client = createClient({ url: 'http://127.0.0.1:8080', apiKey: process.env.API_KEY });
      const { status, succeeded } = await client.status('${id}');
      console.log(status, succeeded);`;
    const ask = ['node', '--input-type=module', '--eval', script];
    const known = await runToEnd(image, { bare: true, command: ask, env, volumes: {}, beside: second });
    process.kill(second.pid, 'SIGTERM');
    assert.equal(known.said, 'completed 8\n');
    assert.equal(await second.ended, 0);
  });

  /** Resolves when the service listens. */
  async function started(container: Container): Promise<Container> {
    const isOver = container.ended.then(() => true);
    while (!container.said().includes('"event":"host.started"')) {
      if (await Promise.race([isOver, sleep(100, false)])) assert.fail(container.said());
    }
    return container;
  }
});
