/** Runs the commands of infra/OPERATIONS.md on a service that is working, and what they do when something is in their way. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { MIGRATIONS } from '../../functions/adapters/sqlite/migrations.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { signingKeyIn } from '../../functions/hosts/signing-key.ts';
import { filesIn, whereFull } from '../../infra/operations/copy-files.ts';
import { until } from '../contracts/harness.ts';
import { type Json, startTestHost } from '../fixtures/hosts/host.ts';
import { uploaded } from '../fixtures/hosts/sending.ts';
import { serveColourClips, threeBlocks } from '../fixtures/media/colour-clips.ts';
import { countFramesOf } from '../fixtures/media/finished.ts';
import { unlessTurn, WHOLE_SUITES } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const DOCUMENTED = '/mnt/backups/every-cut-';
const run = promisify(execFile);
type Environment = Record<string, string>;

/** The commands below a marker. */
function commands(marker: string): string {
  const text = readFileSync(join(ROOT, 'infra/OPERATIONS.md'), 'utf8');
  const found = new RegExp(`<!-- ${marker} -->\\n *\`\`\`sh\\n([\\s\\S]*?)\\n *\`\`\``).exec(text)?.[1];
  assert.ok(found !== undefined, marker);
  return found;
}

/** The same for another folder of the back-up. */
function command(marker: string, folder: string): string {
  const found = commands(marker);
  assert.ok(found.includes(DOCUMENTED), marker);
  return found.replace(/"?\/mnt\/backups\/.*$/, folder);
}

const inShell = (line: string, env: Environment) =>
  run('sh', ['-c', line], { cwd: ROOT, env: withPath(env) });

const COMPILED = '--require=./infra/build/compile-cache.cjs';

/** What the npm script of that name runs, without npm. */
function script(name: 'back-up' | 'restore', args: string[], env: Environment) {
  return run(process.execPath, [COMPILED, `infra/operations/${name}.ts`, ...args], {
    cwd: ROOT,
    env: withPath(env),
  });
}

function withPath(env: Environment): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    npm_config_update_notifier: 'false',
    ...env,
  };
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    assert.equal(code, 1, stderr);
    return stderr;
  }
  throw new Error('Expected it to be refused, got no error');
}

/** DATA_DIR and OUTPUT_DIR in a folder. */
function folders(dir: string): { DATA_DIR: string; OUTPUT_DIR: string } {
  return { DATA_DIR: join(dir, 'data'), OUTPUT_DIR: join(dir, 'output') };
}

/** The data of a service that has had no task. */
async function idleService(dir: TempDir) {
  const env = folders(join(dir.path, 'service'));
  openDatabase(join(env.DATA_DIR, 'every-cut.sqlite')).close();
  await signingKeyIn(env.DATA_DIR);
  await mkdir(env.OUTPUT_DIR);
  return env;
}

/** One of the schema before this one. */
function olderDatabase(path: string): void {
  using old = new DatabaseSync(path);
  old.function('hash_id', String);
  old.exec([...MIGRATIONS.slice(0, -1), `PRAGMA user_version = ${MIGRATIONS.length - 1}`].join(';'));
}

const skip = unlessTurn(WHOLE_SUITES, 'the restored host');

describe('a back-up while 27 videos render', { timeout: 300_000, skip }, () => {
  test('is restored into other folders, where a service makes exactly 27, each once', async (t) => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, 'clips'));
    await using sources = await serveColourClips(join(dir.path, 'clips'));
    const black = { body: await readFile(join(dir.path, 'clips/black.mp4')) };
    const [first, elsewhere] = [folders(join(dir.path, 'first')), folders(join(dir.path, 'elsewhere'))];
    const backUp = join(dir.path, 'back-up');

    let taskId: string;
    {
      await using host = await startTestHost(dir.path, { ...first, RENDER_CONCURRENCY: '1' });
      // So that nine videos are certainly not finished when the back-up is made.
      sources.set('/black.mp4', { ...black, always: { does: 'hang' } });
      const [red, ...more] = threeBlocks(sources);
      const upload = await uploaded(host.url, await readFile(join(dir.path, 'clips/red.mp4')), 'red.mp4');
      const request = {
        task_name: 'kept',
        video_blocks: [{ name: 'own', urls: [upload, ...(red?.urls.slice(1) ?? [])] }, ...more],
        text_to_speech: [{ text: 'Hello', voice: 'en' }],
        output: { width: 64, height: 64, fps: 30 },
        cover: {},
      };
      const answer = await host.post(request);
      taskId = String(answer.body['task_id']);
      const succeeded = async () => Number((await host.get(`/tasks/${taskId}`))['succeeded']);
      await until(async () => (await succeeded()) >= 1, 'the first video');
      t.diagnostic((await inShell(command('backup', backUp), first)).stdout);
    }
    const kept = JSON.parse(await readFile(join(backUp, 'backup.json'), 'utf8')) as Json;
    assert.deepEqual([kept['tasks'], kept['unfinished'], kept['hasVideos']], [1, 1, true]);
    const data = await filesIn(join(backUp, 'data'));
    assert.deepEqual(data.filter((path) => !path.includes('/')).sort(), ['every-cut.sqlite', 'signing.key']);
    assert.equal(data.filter((path) => path.startsWith('uploads/')).length, 1);
    // The line alone: clips and tracks are prepared again.
    const artifacts = data.filter((path) => path.endsWith('/meta.json'));
    assert.match(await readFile(join(backUp, 'data', artifacts.join()), 'utf8'), /^\{"key":"speech\//);
    assert.equal((await stat(join(backUp, 'data/signing.key'))).mode & 0o077, 0);
    assert.equal((await stat(backUp)).mode & 0o077, 0);

    // Neither the machine nor the folders are there any more.
    await rm(join(dir.path, 'first'), { recursive: true });
    t.diagnostic((await inShell(`umask 022 && ${command('restore', backUp)}`, elsewhere)).stdout);
    const modes = [join(dir.path, 'elsewhere'), elsewhere.DATA_DIR, elsewhere.OUTPUT_DIR].map(
      (folder) => statSync(folder).mode & 0o777,
    );
    assert.deepEqual(modes, [0o755, 0o700, 0o755], 'people share the videos, and the folder above both');
    sources.set('/black.mp4', black);

    await using host = await startTestHost(dir.path, elsewhere);
    const { status, renders } = await host.end(taskId);
    assert.deepEqual([status['status'], status['succeeded'], status['combinations']], ['completed', 27, 27]);
    const folder = join(elsewhere.OUTPUT_DIR, 'kept');
    const short = taskId.slice(0, 6);
    const names = renders.map(({ file_name }) => file_name);
    const covers = names.map((name) => name.replace('.mp4', '_thumbnail.jpg'));
    assert.equal(new Set(names).size, 27);
    assert.deepEqual(
      (await filesIn(folder)).sort(),
      [...names, ...covers, `manifest-${short}.csv`, `manifest-${short}.json`].sort(),
    );
    assert.equal(
      existsSync(join(dir.path, 'first')),
      false,
      'nothing is written where the service was before',
    );
    const manifest = JSON.parse(await readFile(join(folder, `manifest-${short}.json`), 'utf8')) as {
      renders: { file_name: string; url: string; bytes: number; files: { url: string }[] }[];
    };
    assert.equal(manifest.renders.length, 27);
    for (const { file_name, url, bytes, files } of manifest.renders) {
      assert.equal(url, pathToFileURL(join(folder, file_name)).href);
      assert.ok(files[0]?.url.startsWith(pathToFileURL(folder).href));
      assert.equal((await stat(join(folder, file_name))).size, bytes);
    }
    const frames = await countFramesOf(names.map((name) => join(folder, name)));
    assert.deepEqual(frames.sort(byNumber), expectedFrames());
    assert.ok(renders.every(({ attempts }) => attempts <= 2));
  });
});

const byNumber = (one: number, other: number) => one - other;

/** Of clips with 9 to 17 frames, three in each block. */
function expectedFrames(): number[] {
  const [a = [], b = [], c = []] = [9, 12, 15].map((least) => [least, least + 1, least + 2]);
  return a.flatMap((one) => b.flatMap((two) => c.map((three) => one + two + three))).sort(byNumber);
}

describe('a back-up', { timeout: 120_000 }, () => {
  test('is refused where it cannot be, with what to do', async () => {
    await using dir = await tempDir();
    const env = await idleService(dir);
    const backUpTo = (target: string, more: Environment = {}) =>
      refusal(script('back-up', [target], { ...env, ...more }));
    assert.match(
      await backUpTo(join(env.DATA_DIR, 'copy')),
      /outside of DATA_DIR .*Next step: choose another place/,
    );
    assert.match(await backUpTo(join(env.OUTPUT_DIR, 'copy')), /outside of OUTPUT_DIR/);
    assert.match(await backUpTo(join(dir.path, 'unmounted/copy')), /mount its disk, or make the folder/);
    assert.match(await backUpTo(env.OUTPUT_DIR), /Expected no \S+output yet, got one/);
    const target = join(dir.path, 'copy');
    assert.match(
      await backUpTo(target, { DATA_DIR: join(dir.path, 'none') }),
      /Next step: set DATA_DIR as for/,
    );
    // More than the disk has: a file full of nothing.
    const large = join(env.OUTPUT_DIR, 'large.mp4');
    writeFileSync(large, '');
    truncateSync(large, 2 ** 43);
    assert.match(
      await backUpTo(target),
      /Expected 89\d+\.\d MB free on the disk of \S+, got \S+ MB\. Next step: make room/,
    );
    // It may also fill up half-way.
    const full = Object.assign(new Error('ENOSPC: no space left on device'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    assert.match(
      String(whereFull(full, '/backups')),
      /Expected room on the disk of \/backups, got none: it is full/,
    );
    await rm(join(env.DATA_DIR, 'signing.key'));
    assert.match(await backUpTo(target), /Expected \S+signing\.key, without which no task can be continued/);
    assert.deepEqual(
      (await filesIn(dir.path)).filter((path) => path.startsWith('copy')),
      [],
    );
  });

  test('can be read by nobody else, and leaves a DATA_DIR that is in OUTPUT_DIR out of the videos', async () => {
    await using dir = await tempDir();
    const { DATA_DIR } = await idleService(dir);
    const OUTPUT_DIR = join(dir.path, 'service');
    await writeFile(join(OUTPUT_DIR, 'a.mp4'), 'a video');
    const target = join(dir.path, 'copy');
    // In a container, where the service itself needs a key.
    await script('back-up', [target], { DATA_DIR, OUTPUT_DIR, HOST: '0.0.0.0' });
    const copied = ['backup.json', 'data/every-cut.sqlite', 'data/signing.key', 'output/a.mp4'];
    assert.deepEqual((await filesIn(target)).sort(), copied);
    for (const path of ['.', 'data', 'output', ...copied])
      assert.equal((await stat(join(target, path))).mode & 0o077, 0, path);
  });

  test('that is interrupted is never taken for a complete one', async () => {
    await using dir = await tempDir();
    const env = await idleService(dir);
    // Long enough to stop it half-way; of zeros, which take no room here.
    await writeFile(join(env.OUTPUT_DIR, '1.mp4'), '');
    await truncate(join(env.OUTPUT_DIR, '1.mp4'), 3 * 2 ** 30);
    const target = join(dir.path, 'copy');
    const stopped = async (signal: 'SIGTERM' | 'SIGKILL') => {
      const child = spawn(process.execPath, [COMPILED, 'infra/operations/back-up.ts', target], {
        cwd: ROOT,
        env: withPath(env),
        stdio: 'ignore',
      });
      const { promise: ended, resolve: end } = Promise.withResolvers<number | null>();
      child.once('exit', end);
      await until(() => existsSync(`${target}.part/output/.every-cut-copy.part`), 'a copy under way');
      child.kill(signal);
      return ended;
    };
    assert.equal(await stopped('SIGTERM'), 130);
    assert.deepEqual([existsSync(target), existsSync(`${target}.part`)], [false, false]);
    await stopped('SIGKILL');
    assert.deepEqual([existsSync(target), existsSync(`${target}.part`)], [false, true]);
    const elsewhere = folders(join(dir.path, 'elsewhere'));
    assert.match(
      await refusal(script('restore', [`${target}.part`], elsewhere)),
      /Expected a complete back-up in \S+copy\.part, got ENOENT for its backup\.json, which is written last/,
    );
    assert.equal(existsSync(elsewhere.DATA_DIR), false);
    assert.match(await refusal(script('back-up', [target], env)), /was killed: remove that folder/);
  });

  test('is finished when nobody reads what it says any more', async () => {
    await using dir = await tempDir();
    const env = await idleService(dir);
    const target = join(dir.path, 'copy');
    const program = spawn(process.execPath, ['infra/operations/back-up.ts', target, '--without-videos'], {
      cwd: ROOT,
      env: withPath(env),
    });
    program.stdout.destroy();
    const [code] = await once(program, 'close');
    assert.equal(code, 0);
    assert.deepEqual([existsSync(target), existsSync(`${target}.part`)], [true, false]);
  });
});

describe('restoring', { timeout: 120_000 }, () => {
  test('is refused for a damaged back-up, one of a newer release, and where a service has its data', async () => {
    await using dir = await tempDir();
    const env = await idleService(dir);
    const backUp = join(dir.path, 'copy');
    await script('back-up', [backUp, '--without-videos'], env);
    const elsewhere = folders(join(dir.path, 'elsewhere'));
    const restored = (folder: string, into = elsewhere) => refusal(script('restore', [folder], into));
    assert.match(
      await restored(backUp, env),
      /Expected no data of a service in DATA_DIR .* got .*every-cut\.sqlite.*signing\.key/,
    );

    const [damaged, newer] = [join(dir.path, 'damaged'), join(dir.path, 'newer')];
    await cp(backUp, damaged, { recursive: true });
    await truncate(join(damaged, 'data/signing.key'), 3);
    assert.match(
      await restored(damaged),
      /Expected data\/signing\.key of the back-up in \S+ with 43 bytes, got 3 bytes/,
    );
    await writeFile(join(damaged, 'backup.json'), '{ "version": "0.2.0" }');
    assert.match(
      await restored(damaged),
      /Expected a complete back-up in \S+, got a damaged list for its backup\.json/,
    );
    await cp(backUp, newer, { recursive: true });
    const list = JSON.parse(await readFile(join(newer, 'backup.json'), 'utf8')) as Json;
    await writeFile(join(newer, 'backup.json'), JSON.stringify({ ...list, version: '9.9.9', schema: 99 }));
    assert.match(
      await restored(newer),
      /version \d+ or older, got 99: release 9\.9\.9 made it, which is newer/,
    );
    assert.equal(existsSync(elsewhere.DATA_DIR), false);
  });

  test('of a back-up of an older schema migrates it; an interrupted one is finished by another try', async () => {
    await using dir = await tempDir();
    const env = await idleService(dir);
    await writeFile(join(env.OUTPUT_DIR, 'a.mp4'), 'a video');
    const backUp = join(dir.path, 'copy');
    await script('back-up', [backUp], env);
    await rm(join(backUp, 'data/every-cut.sqlite'));
    olderDatabase(join(backUp, 'data/every-cut.sqlite'));
    const list = JSON.parse(await readFile(join(backUp, 'backup.json'), 'utf8')) as Json & { files: Json[] };
    const { size } = await stat(join(backUp, 'data/every-cut.sqlite'));
    for (const file of list.files) if (file['path'] === 'data/every-cut.sqlite') file['bytes'] = size;
    await writeFile(join(backUp, 'backup.json'), JSON.stringify({ ...list, schema: MIGRATIONS.length - 1 }));

    const elsewhere = folders(join(dir.path, 'elsewhere'));
    await mkdir(elsewhere.DATA_DIR, { recursive: true });
    // What a restore that was killed half-way leaves.
    await writeFile(join(elsewhere.DATA_DIR, 'every-cut.sqlite.part'), 'half');
    await mkdir(elsewhere.OUTPUT_DIR);
    await writeFile(join(elsewhere.OUTPUT_DIR, '.every-cut-copy.part'), 'half');
    await script('restore', [backUp], elsewhere);
    assert.deepEqual((await filesIn(elsewhere.DATA_DIR)).sort(), [
      'every-cut.sqlite',
      'host.lock',
      'signing.key',
    ]);
    assert.deepEqual(await filesIn(elsewhere.OUTPUT_DIR), ['a.mp4']);
    await using host = await startTestHost(dir.path, elsewhere);
    assert.equal(host.logged('host.started').length, 1);
  });
});

describe('DATA_DIR and OUTPUT_DIR', { timeout: 120_000 }, () => {
  test('may be moved while the service is stopped: its tasks are known there, and backed up with their clips', async () => {
    await using dir = await tempDir();
    await using sources = await serveColourClips(dir.path, 1);
    const before = folders(join(dir.path, 'service'));
    const env = { ...before, DATA_DIR: join(dir.path, 'moved') };
    const output = { width: 64, height: 64, fps: 30 };
    const request = { task_name: 'kept', video_blocks: threeBlocks(sources, 1), output };
    let taskId: string;
    {
      await using host = await startTestHost(dir.path, before);
      taskId = (await host.run(request)).id;
    }
    const video = async ({ url }: { url: string }) => {
      const answer = await fetch(`${url}/tasks/${taskId}/renders/1/video`);
      assert.equal(answer.status, 200);
      assert.ok((await answer.bytes()).length > 0);
    };

    await rename(before.DATA_DIR, env.DATA_DIR);
    // From before an upgrade of long ago, and from before one of yesterday.
    const copies = ['every-cut.sqlite.before-v1', 'every-cut.sqlite.before-v2'].map((name) =>
      join(env.DATA_DIR, name),
    );
    const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 3_600_000);
    for (const [at, copy] of copies.entries()) {
      await writeFile(copy, '');
      await utimes(copy, daysAgo(0), daysAgo(at === 0 ? 31 : 29));
    }
    {
      await using host = await startTestHost(dir.path, env);
      await video(host);
      assert.equal(existsSync(before.DATA_DIR), false);
      await until(() => !existsSync(copies[0] as string), 'the end of the old copy');
      assert.ok(existsSync(copies[1] as string));

      const artifacts = (await filesIn(join(env.DATA_DIR, 'artifacts'))).sort();
      const target = join(dir.path, 'copy');
      await script('back-up', [target, '--with-clips', '--without-videos'], env);
      assert.ok(artifacts.length > 0);
      assert.deepEqual((await filesIn(join(target, 'data/artifacts'))).sort(), artifacts);
      assert.equal(existsSync(join(target, 'output')), false);
      const { stdout } = await script('restore', [target], folders(join(dir.path, 'elsewhere')));
      assert.match(
        stdout,
        /The back-up has no videos: before the start, copy those of \S+\/service\/output to/,
      );
    }

    // A link of the earlier name leads to the other place.
    const large = join(dir.path, 'large');
    await run('sh', ['-c', 'mv "$1" "$2" && ln -s "$2" "$1"', 'sh', env.OUTPUT_DIR, large]);
    {
      await using host = await startTestHost(dir.path, env);
      await video(host);
      assert.equal((await host.run(request)).status['succeeded'], 1);
      assert.equal((await filesIn(join(large, 'kept'))).filter((path) => path.endsWith('.mp4')).length, 2);
    }
    // For new tasks alone: those of before are found where they are.
    await using other = await startTestHost(dir.path, { ...env, OUTPUT_DIR: join(dir.path, 'other') });
    await video(other);
    assert.match(String((await other.run(request)).status['output_folder']), /\/other\/kept$/);
  });
});

describe('the roll-back of infra/OPERATIONS.md', () => {
  test('moves nothing where there is no copy', async () => {
    await using dir = await tempDir();
    const data = join(dir.path, '.data');
    openDatabase(join(data, 'every-cut.sqlite')).close();
    const before = await filesIn(data);
    await assert.rejects(run('sh', ['-c', commands('roll-back')], { cwd: dir.path }), /before-v/);
    assert.deepEqual(await filesIn(data), before);
  });

  test('puts the database of before an upgrade into its place, without what the newer one left beside it', async () => {
    await using dir = await tempDir();
    const data = join(dir.path, '.data');
    const path = join(data, 'every-cut.sqlite');
    await mkdir(data);
    olderDatabase(path);
    openDatabase(path).close();
    // As after a kill.
    await writeFile(`${path}-wal`, 'commits of the newer release');
    await run('sh', ['-ec', commands('roll-back')], { cwd: dir.path });
    assert.deepEqual((await filesIn(data)).sort(), [
      'every-cut.sqlite',
      'newer/every-cut.sqlite',
      'newer/every-cut.sqlite-wal',
    ]);
    const versionOf = (file: string) => {
      using database = new DatabaseSync(file);
      return database.prepare('PRAGMA user_version').get()?.['user_version'];
    };
    assert.equal(versionOf(path), MIGRATIONS.length - 1);
  });

  test('and the command that shrinks a database work as they are printed', async () => {
    await using dir = await tempDir();
    const path = join(dir.path, '.data/every-cut.sqlite');
    {
      using database = openDatabase(path);
      database.run("INSERT INTO memos VALUES ('large', ?, 0)", 'x'.repeat(1_000_000));
      database.run('DELETE FROM memos');
    }
    const before = (await stat(path)).size;
    symlinkSync(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'));
    await run('sh', ['-ec', commands('vacuum')], { cwd: dir.path });
    assert.ok((await stat(path)).size < before / 2);
  });
});
