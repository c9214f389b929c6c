import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { runMake } from '../fixtures/hosts/make-process.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { unlessTurn, WHOLE_SUITES } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCES = ['functions', 'infra', 'package.json', 'tsconfig.json', 'LICENSE', 'README.md'];
const MOST_MB = 12;
const run = promisify(execFile);

const skip = unlessTurn(WHOLE_SUITES, 'the package');

describe('the package of npx every-cut', { timeout: 300_000, skip }, () => {
  let dir: TempDir;
  let installed: string;
  let packedBytes: number;

  before(async () => {
    dir = await tempDir();
    const sources = join(dir.path, 'sources');
    for (const name of SOURCES) await cp(join(ROOT, name), join(sources, name), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(sources, 'node_modules'));
    const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH']}`;
    const env = { ...process.env, PATH: path, npm_config_update_notifier: 'false' };
    await run('npm', ['pack', '--silent', '--pack-destination', dir.path], { cwd: sources, env });
    const [tarball = ''] = (await readdir(dir.path)).filter((name) => name.endsWith('.tgz'));
    packedBytes = (await readFile(join(dir.path, tarball))).length;
    await run('tar', ['xzf', tarball], { cwd: dir.path });
    // As npm would: the packages beside it.
    const modules = join(dir.path, 'installed/node_modules');
    await mkdir(modules, { recursive: true });
    for (const name of await readdir(join(ROOT, 'node_modules')))
      if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    installed = join(modules, 'every-cut');
    await rename(join(dir.path, 'package'), installed);
  });
  after(() => dir[Symbol.asyncDispose]());

  test('is small, and has all fonts, but no sources and no tests', async () => {
    const files = await readdir(installed, { recursive: true });
    assert.ok(packedBytes < MOST_MB * 2 ** 20, `${packedBytes} bytes`);
    const fonts = await readdir(join(ROOT, 'functions/media/captions/fonts'));
    const packed = await readdir(join(installed, 'dist/functions/media/captions/fonts'));
    assert.deepEqual(packed.sort(), fonts.sort());
    assert.deepEqual(
      files.filter((name) => name.endsWith('.ts')),
      [],
    );
    assert.ok(!existsSync(join(installed, 'test')));
    assert.ok(existsSync(join(installed, 'LICENSE')));
  });

  test('makes the video of a folder, with captions in it', async () => {
    const { bin } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
      bin: { 'every-cut': string };
    };
    const own = { dir: dir.path, command: [process.execPath, join(installed, bin['every-cut'])] };
    const help = await runMake(['--help'], own);
    assert.equal(help.code, 0, help.said);
    assert.match(help.results, /^ {2}npx every-cut FOLDER /m);

    const clips = join(dir.path, 'clips');
    for (const name of ['a/1', 'b/1']) {
      await mkdir(dirname(join(clips, name)), { recursive: true });
      await makeFilm(join(clips, `${name}.mp4`), { frames: 10 });
    }
    await writeFile(join(clips, 'lines.txt'), 'Hello.\n');
    const made = await runMake([clips, '--captions', 'burn'], own);
    assert.equal(made.code, 0, made.said);
    assert.match(made.results, /^succeeded {2}1$/m);
    assert.equal(
      (await readdir(join(dir.path, 'output/clips'))).filter((name) => name.endsWith('.mp4')).length,
      1,
    );
  });

  test('says which Node it needs, in words that any Node understands, and what to do in a clone', async () => {
    const program = await readFile(join(installed, 'infra/make/every-cut.cjs'), 'utf8');
    const copied = join(dir.path, 'clone/infra/make/every-cut.cjs');
    await mkdir(dirname(copied), { recursive: true });
    const saidBy = async (text: string) => {
      await writeFile(copied, text);
      const { stderr, code } = await run(process.execPath, [copied]).then(
        () => assert.fail('it started'),
        (error: { stderr: string; code: number }) => error,
      );
      assert.equal(code, 1);
      return stderr;
    };
    assert.match(
      await saidBy(program.replaceAll('process.versions.node', '"18.20.8"')),
      /^Expected Node 24 or newer, got 18\.20\.8 .*\nNext step: install it from https:\/\/nodejs\.org/,
    );
    assert.match(
      await saidBy(program),
      /^Expected the compiled program at .*make\.js, got none\.\nNext step: /,
    );
  });
});
