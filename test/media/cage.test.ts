/** What a hijacked ffmpeg could do, in the cage and without one. A program in its place tries it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createChildRecords } from '../../functions/adapters/process/child-records.ts';
import type { Cage } from '../../functions/media/cage.ts';
import { conformClip } from '../../functions/media/conform.ts';
import { createFfmpeg } from '../../functions/media/ffmpeg.ts';
import { FfmpegError } from '../../functions/media/ffmpeg-error.ts';
import { probe } from '../../functions/media/probe.ts';
import { until } from '../contracts/harness.ts';
import { CAGE, needsCage } from '../fixtures/media/cage.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { mixCombination } from '../fixtures/media/combination.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { PROFILE, take } from '../fixtures/media/hostile-files.ts';
import { probeProgram } from '../fixtures/media/probe-program.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const SYSTEMS = '/usr/bin/ffmpeg';
const INHERITING = resolve(import.meta.dirname, '../fixtures/media/inheriting.ts');
const linux = { skip: process.platform === 'linux' ? false : 'no /proc' };
const { signal } = new AbortController();
const limits = { signal, timeoutMs: 60_000, memoryMb: 512, fileMb: 8 };

let dir: TempDir;
const at = (...names: string[]) => join(dir.path, ...names);

before(async () => {
  dir = await tempDir();
});
after(() => dir[Symbol.asyncDispose]());

async function program(name: string, script: string): Promise<string> {
  const path = at(name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** The folders of a service with two tasks, and what the one that runs may use. */
async function service(name: string) {
  const [app, data, task, other] = [
    at(name),
    at(name, 'data'),
    at(name, 'data/tmp/a'),
    at(name, 'data/tmp/b'),
  ];
  for (const folder of [task, other]) await mkdir(folder, { recursive: true });
  const files = {
    settings: join(app, '.env'),
    database: join(data, 'every-cut.sqlite'),
    others: join(other, 'bytes'),
    input: join(data, 'bytes'),
  };
  for (const file of Object.values(files)) await writeFile(file, 'secret\n');
  return { ...files, task, app };
}

/** What the program could do that ffmpeg must not. */
async function attempts(name: string, cage: Cage | undefined): Promise<string[]> {
  const { settings, database, others, input, task, app } = await service(name);
  const server = createServer((socket) => socket.end()).listen(0, '127.0.0.1');
  await until(() => server.listening, 'the server');
  const { port } = server.address() as { port: number };
  const path = await probeProgram(at(`${name}-program`), {
    read: [
      settings,
      database,
      others,
      '/etc/passwd',
      join(homedir(), '.profile'),
      input,
      '/proc/self/status',
    ],
    write: [
      join(app, 'planted'),
      others,
      input,
      '/tmp/every-cut-planted',
      '/planted',
      join(task, 'video.mp4'),
    ],
    port,
    pid: process.pid,
  });
  process.env['EVERY_CUT_TEST_SECRET'] = 'canary';
  try {
    await using ffmpeg = createFfmpeg({ path, cage });
    const { stdout } = await ffmpeg.run([], { ...limits, reads: [input], writes: task });
    return stdout.split('\n').filter(Boolean);
  } finally {
    delete process.env['EVERY_CUT_TEST_SECRET'];
    server.close();
  }
}

describe('in the cage', needsCage, () => {
  test('ffmpeg reads its input and writes to its folder, and can do nothing else', async () => {
    const could = await attempts('caged', CAGE);
    assert.deepEqual(could, [`read ${at('caged/data/bytes')}`, `wrote ${at('caged/data/tmp/a/video.mp4')}`]);
    assert.equal(await readFile(at('caged/data/bytes'), 'utf8'), 'secret\n');
  });

  test('clips are probed, encoded and mixed, whatever their folders are called', async () => {
    await mkdir(at('real folder'));
    await symlink(at('real folder'), at('linked'));
    const odd = at('linked', `a b'c "d" %03d ü`);
    await mkdir(odd);
    await using ffmpeg = createFfmpeg({ path: FFMPEG, cage: CAGE });
    const file = await makeFilm(join(odd, '-bytes'), { frames: 30, output: ['-f', 'mp4'] });
    const outcome = await take(ffmpeg, file, odd);
    assert.ok('frames' in outcome, `${outcome}`);
    const probed = await probe(ffmpeg, file, { signal });
    const input = {
      file,
      probe: probed,
      profile: PROFILE,
      dir: odd,
      threads: 1,
      maxSeconds: 10,
      timeoutMs: 60_000,
      signal,
    };
    const { frames } = await conformClip(ffmpeg, input);
    const clip = { video: join(odd, 'video.mp4'), sound: join(odd, 'sound.s16le'), frames };
    await mkdir(at('out'));
    const mixed = await mixCombination(ffmpeg, {
      ...{
        clips: [clip, clip],
        rate: PROFILE.rate,
        originalVolume: 1,
        duck: true,
        signal,
        timeoutMs: 60_000,
      },
      ...{ out: at('out', 'video.mp4'), dir: at('out') },
    });
    assert.equal(mixed.frames, 2 * frames);
  });

  test("the system's ffmpeg finds its many libraries", {
    skip: !existsSync(SYSTEMS) && 'not installed',
  }, async () => {
    await using ffmpeg = createFfmpeg({ path: SYSTEMS, cage: CAGE });
    assert.match(await ffmpeg.version(), /^ffmpeg version /);
  });

  test('nothing is left of ffmpeg when this process is killed', async () => {
    const folder = at('killed');
    await mkdir(folder);
    const beating = await program('beating', `while :; do echo >> '${folder}/beats'; sleep 0.02; done`);
    const { command, args } = (CAGE as Cage).around({ command: beating, args: [] }, { writes: folder }, []);
    // A shell in place of this service, with the cage as its child.
    const parent = spawn('/bin/sh', ['-c', '"$0" "$@" & wait', command, ...args], { stdio: 'ignore' });
    await stopsBeating(folder, () => parent.kill('SIGKILL'));
  });

  test('the next service ends what the record of a run names', async () => {
    const folder = at('recorded');
    await mkdir(folder);
    const path = await program('recorded-program', `while :; do echo >> '${folder}/beats'; sleep 0.02; done`);
    await using ffmpeg = createFfmpeg({
      path,
      cage: CAGE,
      children: createChildRecords({ dir: at('children') }),
    });
    const ended = assert.rejects(ffmpeg.run([], { ...limits, writes: folder }), { code: 'ffmpeg_killed' });
    const next = createChildRecords({ dir: at('children') });
    await stopsBeating(folder, () => void next.endLeftOvers());
    await ended;
  });

  test('a missing file is reported by ffmpeg, and a missing folder is not blamed on the media', async () => {
    await using ffmpeg = createFfmpeg({ path: FFMPEG, cage: CAGE });
    const gone = at('gone');
    const reading = ffmpeg.run(['-i', `file:${gone}`], { ...limits, reads: [gone] });
    await assert.rejects(reading, (error) => FfmpegError.is(error) && /No such file/.test(error.stderr));
    const writing = ffmpeg.run(['-version'], { ...limits, writes: gone });
    await assert.rejects(writing, /Expected ffmpeg to start, got .*source path.*gone/);
  });
});

async function stopsBeating(folder: string, stop: () => void): Promise<void> {
  const beats = async () => (await readFile(join(folder, 'beats')).catch(() => '')).length;
  await until(async () => (await beats()) > 0, 'the first beat');
  stop();
  await until(async () => {
    const before = await beats();
    await sleep(200);
    return (await beats()) === before;
  }, 'the last beat');
}

describe('without a cage', linux, () => {
  test('ffmpeg still gets no environment, an empty folder of its own to work in, and no descriptors', async () => {
    const could = await attempts('bare', undefined);
    for (const line of could)
      assert.match(line, /^(read|wrote|connected|may signal|sees process|descriptor \d+: $)/);
  });
});

const WAYS = [
  ['in the cage', CAGE, needsCage],
  ['without a cage', undefined, linux],
] as const;

for (const [way, cage, options] of WAYS) {
  describe(`ffmpeg ${way}`, options, () => {
    test('gets no descriptor that this process was started with', async () => {
      const path = await probeProgram(at('descriptors'), { read: [], write: [], port: 1, pid: 0x7fffffff });
      await using secret = await open(at('secret'), 'w+');
      await secret.writeFile('secret\n'.repeat(99));
      const stdio = Array.from({ length: 120 }, (_, number) =>
        [7, 60, 119].includes(number) ? secret.fd : 'ignore',
      );
      const args = [INHERITING, path, cage === undefined ? 'bare' : 'cage'];
      const child = spawn(process.execPath, args, {
        stdio: ['ignore', 'pipe', 'inherit', ...stdio.slice(3)] as 'pipe'[],
      });
      const printed = (await child.stdout?.toArray())?.join('') ?? '';
      // Node can only replace a descriptor by an empty one.
      assert.doesNotMatch(printed, cage === undefined ? /descriptor \d+: ./ : /descriptor/);
      assert.equal(child.exitCode ?? (await new Promise((done) => child.once('exit', done))), 0);
    });

    for (const [what, script, expected] of [
      [
        'its exit code',
        'echo "a.mp4: bad" >&2; exit 69',
        { exitCode: 69, signal: null, shortMessage: 'a.mp4: bad' },
      ],
      ['a crash', 'kill -SEGV $$', { exitCode: null, signal: 'SIGSEGV' }],
      [
        'a file that is too large',
        'dd if=/bin/sh of=$DIR/large bs=1048576 conv=sync',
        { exceeded: 'output' },
      ],
      ['an end that others asked for', 'exit 255', { code: 'ffmpeg_killed' }],
      ['a kill by others', 'kill -KILL $$', { code: 'ffmpeg_killed' }],
      ['a missing program', 'exec /nowhere/ffmpeg', { message: /Expected ffmpeg to start, got .*not found/ }],
      [
        'a link in place of its output',
        'ln -s /etc/passwd $DIR/video.mp4',
        { shortMessage: /^a link or device/ },
      ],
    ] as const) {
      test(`shows ${what}`, async () => {
        const name = `${way} ${what}`.replaceAll(' ', '-');
        await mkdir(at(name));
        const path = await program(`${name}-program`, `DIR='${at(name)}'\nexec 3>&1\n${exec(script)}`);
        await using ffmpeg = createFfmpeg({ path, cage });
        const running = ffmpeg.run([], { ...limits, fileMb: 0, writes: at(name) });
        await assert.rejects(running, expected);
      });
    }

    for (const ending of ['abort', 'timeout'] as const) {
      test(`ends with all that it started on ${ending}`, async () => {
        const folder = at(`${way}-${ending}`.replaceAll(' ', '-'));
        await mkdir(folder);
        const script = `trap '' TERM; (while :; do echo >> '${folder}/beats'; sleep 0.02; done) & wait; wait`;
        const path = await program(`${way}-${ending}-program`.replaceAll(' ', '-'), script);
        await using ffmpeg = createFfmpeg({ path, cage, graceMs: 50 });
        const abort = new AbortController();
        const timeoutMs = ending === 'timeout' ? 500 : 60_000;
        const running = ffmpeg.run([], { ...limits, signal: abort.signal, timeoutMs, writes: folder });
        const ended = assert.rejects(running, (error) =>
          ending === 'timeout' ? FfmpegError.is(error) && error.exceeded === 'time' : error === 'over',
        );
        await stopsBeating(folder, () => {
          if (ending === 'abort') abort.abort('over');
        });
        await ended;
      });
    }
  });
}

/** The last command takes the place of the shell, as a wrapper of ffmpeg would do. */
function exec(script: string): string {
  return script.startsWith('dd ') ? `exec ${script}` : script;
}
