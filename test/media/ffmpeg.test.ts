import assert from 'node:assert/strict';
import fs, { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../../functions/base/errors.ts';
import { createFfmpeg } from '../../functions/media/ffmpeg.ts';
import { FfmpegError } from '../../functions/media/ffmpeg-error.ts';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import type { RunLimits } from '../../functions/media/limits.ts';
import { until } from '../contracts/harness.ts';
import { isAlive } from '../fixtures/hosts/host-process.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const options = { signal: new AbortController().signal, timeoutMs: 60_000, memoryMb: 512, fileMb: 8 };
const skip = process.platform === 'win32' ? 'the tiny programs are shell scripts' : false;

const notLinux = process.platform === 'linux' ? false : 'no /proc and no system limits';

/** Creates a script that stands in for ffmpeg; `$DIR` in the script is its folder. */
async function program(dir: string, script: string, name = 'ffmpeg'): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, `#!/bin/sh\nDIR='${dir}'\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const FOREVER = 'echo $$ > "$DIR/pid"; exec sleep 600';
const STUBBORN = 'trap "" TERM; echo $$ > "$DIR/pid"; while :; do sleep 0.1; done';

async function pidOf(dir: string): Promise<number> {
  for (;;) {
    const text = await readFile(join(dir, 'pid'), 'utf8').catch(() => '');
    if (text.endsWith('\n')) return Number(text);
    await sleep(5);
  }
}

describe('findFfmpeg', { skip }, () => {
  test('prefers the configured path', async () => {
    await using dir = await tempDir();
    const path = await program(dir.path, 'true', 'my ffmpeg');
    assert.deepEqual(findFfmpeg({ configured: path, searchPath: '' }), { path, origin: 'FFMPEG_BIN' });
  });

  test('finds a configured name on PATH', async () => {
    await using dir = await tempDir();
    const path = await program(dir.path, 'true', 'ffmpeg-custom');
    assert.equal(findFfmpeg({ configured: 'ffmpeg-custom', searchPath: `/nowhere:${dir.path}` }).path, path);
  });

  test('refuses a configured path that is not a program, instead of using another one', async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, 'folder'));
    await writeFile(join(dir.path, 'text'), '');
    for (const name of ['missing', 'folder', 'text']) {
      assert.throws(
        () => findFfmpeg({ configured: join(dir.path, name), searchPath: dir.path }),
        /Expected FFMPEG_BIN to name an executable ffmpeg, got .*Correct the path/,
      );
    }
  });

  test('finds one without configuration', () => {
    const found = findFfmpeg({ searchPath: process.env['PATH'] ?? '' });
    assert.match(found.path, /ffmpeg/);
    assert.match(found.origin, /^(ffmpeg-static|@ffmpeg-binary\/linux-x64|PATH)$/);
  });
});

describe('running ffmpeg', { skip }, () => {
  test('returns the output of the program, and starts it without environment, input and shell', async () => {
    await using dir = await tempDir();
    const path = await program(dir.path, 'cat; echo "$HOME|$PATH_LIKE|$(pwd)|$*"; echo complaint >&2');
    await using ffmpeg = createFfmpeg({ path });
    const { stdout, stderr } = await ffmpeg.run(['a b', '$(id)', ';ls'], options);
    assert.match(stdout, /^\|\|[^|]+\|-nostdin -hide_banner -max_alloc 536870912 a b \$\(id\) ;ls\n$/);
    assert.equal(stderr, 'complaint');
  });

  test('gives the program no environment at all, not even what a shell sets', {
    skip: notLinux,
  }, async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, 'cat /proc/$$/environ') });
    process.env['EVERY_CUT_TEST_SECRET'] = 'canary';
    try {
      assert.equal((await ffmpeg.run([], options)).stdout, '');
      assert.equal((await ffmpeg.run([], { ...options, followedBy: [] })).stdout, '');
    } finally {
      delete process.env['EVERY_CUT_TEST_SECRET'];
    }
  });

  test('works in an empty folder of its own, which is removed at the end', async () => {
    await using dir = await tempDir();
    const ffmpeg = createFfmpeg({ path: await program(dir.path, 'pwd; ls -a | tr "\\n" " "') });
    const [folder = '', contents] = (await ffmpeg.run([], options)).stdout.split('\n');
    assert.equal(contents, '. .. ');
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    await ffmpeg[Symbol.asyncDispose]();
    await assert.rejects(stat(folder), { code: 'ENOENT' });
  });

  test('runs the program once for its version', async () => {
    await using ffmpeg = createFfmpeg({ path: FFMPEG });
    assert.match(await ffmpeg.version(), /^ffmpeg version \S+ Copyright/);
    assert.equal(ffmpeg.version(), ffmpeg.version());
  });

  test('refuses a program that is not ffmpeg', async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, 'echo I am a teapot') });
    await assert.rejects(ffmpeg.version(), /got "I am a teapot" as its version. Check FFMPEG_BIN/);
  });

  test('fails with the exit code and the last message, without directories', async () => {
    await using dir = await tempDir();
    const script = `echo "[in#0 @ 0x55d0] Error opening input file /srv/some where/secret/clip.mp4." >&2
      echo "/srv/deep/er/clip.mp4: Invalid data found" >&2; echo "Conversion failed!" >&2; exit 69`;
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
    const error = await ffmpeg.run([], options).catch((reason: unknown) => reason);
    assert.ok(FfmpegError.is(error));
    assert.equal(error.exitCode, 69);
    assert.equal(error.exceeded, null);
    assert.equal(error.shortMessage, 'clip.mp4: Invalid data found');
    assert.equal(error.message, 'ffmpeg: clip.mp4: Invalid data found');
    assert.match(error.stderr, /Conversion failed/);
  });

  test('keeps the head and the tail of a flood of messages', async () => {
    await using dir = await tempDir();
    const script = 'echo first >&2; yes middle | head -n 500000 >&2; echo last >&2; exit 1';
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
    const error = await ffmpeg.run([], options).catch((reason: unknown) => reason);
    assert.ok(FfmpegError.is(error));
    assert.ok(error.stderr.length < 600_000);
    assert.match(error.stderr, /^first\n/);
    assert.match(error.stderr, /lines left out/);
    assert.equal(error.shortMessage, 'last');
  });

  test('keeps only the beginning of a line without end', async () => {
    await using dir = await tempDir();
    const script = `head -c 3000000 /dev/zero | tr '\\0' 'x' >&2; echo >&2; echo last >&2`;
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
    assert.equal((await ffmpeg.run([], options)).stderr, `${'x'.repeat(8_192)}\nlast`);
  });

  test('keeps no memory for lines without text', async () => {
    await using dir = await tempDir();
    const script = 'echo first >&2; head -c 8000000 /dev/zero | tr "\\0" "\\n" >&2; echo last >&2';
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
    assert.equal((await ffmpeg.run([], options)).stderr, 'first\nlast');
  });

  test('ends a program that prints more than any file needs', async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, 'yes title >&2') });
    await assert.rejects(ffmpeg.run([], options), { exceeded: 'output' });
  });

  test('hands over each line of the output as it comes, and ends the program if a line is refused', async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, 'printf "1\\n2\\r\\n3"; echo >&2') });
    const lines: string[] = [];
    const { stdout } = await ffmpeg.run([], { ...options, onLine: (line) => lines.push(line) });
    assert.deepEqual([lines, stdout], [['1', '2', '3'], '']);
    const refusal = new Error('enough');
    const onLine = () => {
      throw refusal;
    };
    await using endless = createFfmpeg({ path: await program(dir.path, 'yes') });
    await assert.rejects(endless.run([], { ...options, onLine }), refusal);
  });

  test('ends a program that takes too long', async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, FOREVER) });
    const error = await ffmpeg.run([], { ...options, timeoutMs: 300 }).catch((reason: unknown) => reason);
    assert.ok(FfmpegError.is(error));
    assert.equal(error.exceeded, 'time');
    assert.match(error.shortMessage, /a timeout after/);
    assert.equal(isAlive(await pidOf(dir.path)), false);
  });

  describe('under system limits', { skip: notLinux }, () => {
    const failing = async (script: string, limits: Partial<RunLimits>) => {
      await using dir = await tempDir();
      await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
      const error = await ffmpeg.run([], { ...options, ...limits }).catch((reason: unknown) => reason);
      assert.ok(FfmpegError.is(error), `${error}`);
      return error;
    };

    test('limits memory, file size and processor time, and disables core dumps', async () => {
      await using dir = await tempDir();
      const path = await program(dir.path, 'cat /proc/$$/limits; echo $$; echo "$DIR"');
      const pids: number[] = [];
      const children = { started: (pid: number) => void pids.push(pid), ended: () => {} };
      await using ffmpeg = createFfmpeg({ path, children });
      const { stdout } = await ffmpeg.run([], { ...options, memoryMb: 300, fileMb: 5 });
      const limit = (name: string) =>
        new RegExp(`^${name} +(\\d+) +(\\d+)`, 'm').exec(stdout)?.slice(1).map(Number);
      assert.deepEqual(limit('Max data size'), [300 * 2 ** 20, 300 * 2 ** 20]);
      assert.deepEqual(limit('Max file size'), [5 * 2 ** 20, 5 * 2 ** 20]);
      assert.deepEqual(limit('Max core file size'), [0, 0]);
      // Higher than what all processors can use within our own time limit.
      const [seconds = 0] = limit('Max cpu time') ?? [];
      assert.ok(
        seconds > 60 * availableParallelism() && seconds < 61 * availableParallelism() + 2,
        `${seconds}`,
      );
      // The shell that sets the limits has become the program by exec, so the recorded and signalled pid is right.
      assert.match(stdout, new RegExp(`^${pids[0]}$`, 'm'));
    });

    test('treats a file that grows too large as permanent, and says how large it may be', async () => {
      const error = await failing('exec dd if=/dev/zero of="$DIR/large" bs=65536 count=64', { fileMb: 1 });
      assert.equal(error.exceeded, 'output');
      assert.equal(error.signal, 'SIGXFSZ');
      assert.equal(error.shortMessage, 'a file larger than 1 MB');
    });

    test('stops a run that should write nothing from writing', async () => {
      assert.equal(
        (await failing('exec dd if=/dev/zero of="$DIR/any" count=1', { fileMb: 0 })).exceeded,
        'output',
      );
    });

    test('ends a real ffmpeg that takes too much memory, and says how much it may take', async () => {
      await using dir = await tempDir();
      await using ffmpeg = createFfmpeg({ path: FFMPEG });
      const clip = await makeFilm(join(dir.path, 'large.mp4'), { size: '1920x1080', sound: 'none' });
      const args = ['-v', 'info', '-nostats', '-i', `file:${clip}`, '-c:v', 'libx264', '-f', 'null', '-'];
      const error = await ffmpeg.run(args, { ...options, memoryMb: 120 }).catch((reason: unknown) => reason);
      assert.ok(FfmpegError.is(error), `${error}`);
      assert.equal(error.exceeded, 'memory');
      assert.equal(error.shortMessage, 'memory use above 120 MB');
    });
  });

  test('does not blame the media if the shell or the loader cannot start the program', async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, 'exec "$DIR/gone"') });
    await assert.rejects(
      ffmpeg.run([], options),
      /Expected ffmpeg to start, got .*not found. Check FFMPEG_BIN/,
    );
  });

  for (const [what, script] of [
    ['leaves no child behind when aborted', FOREVER],
    ['kills a child that ignores the request to end', STUBBORN],
  ] as const) {
    test(what, async () => {
      await using dir = await tempDir();
      await using ffmpeg = createFfmpeg({ path: await program(dir.path, script), graceMs: 100 });
      const abort = new AbortController();
      const running = ffmpeg.run([], { ...options, signal: abort.signal });
      const pid = await pidOf(dir.path);
      const reason = new Error('the task was cancelled');
      abort.abort(reason);
      await assert.rejects(running, (error) => error === reason);
      assert.equal(isAlive(pid), false);
    });
  }

  test('starts nothing if it is already aborted', async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, 'touch "$DIR/started"') });
    const reason = new Error('too late');
    const signal = AbortSignal.abort(reason);
    await assert.rejects(ffmpeg.run([], { ...options, signal }), (error) => error === reason);
    await assert.rejects(readFile(join(dir.path, 'started')), { code: 'ENOENT' });
  });

  test('ends all children when disposed, and runs nothing afterwards', async () => {
    await using dir = await tempDir();
    const ffmpeg = createFfmpeg({ path: await program(dir.path, FOREVER) });
    const running = assert.rejects(ffmpeg.run([], options), {
      name: 'TransientError',
      code: 'ffmpeg_killed',
    });
    const pid = await pidOf(dir.path);
    await ffmpeg[Symbol.asyncDispose]();
    assert.equal(isAlive(pid), false);
    await running;
    await assert.rejects(ffmpeg.run([], options), TransientError.is);
  });

  test('reports every child right after its start, and its end however it ends', async () => {
    await using dir = await tempDir();
    const told: string[] = [];
    const children = {
      started: (pid: number) => void told.push(`started ${pid} ${isAlive(pid)}`),
      ended: (pid: number) => void told.push(`ended ${pid} ${isAlive(pid)}`),
    };
    await using ffmpeg = createFfmpeg({
      path: await program(dir.path, 'sleep 0.2; echo $$; exit "$5"'),
      children,
    });
    const pid = Number((await ffmpeg.run(['0'], options)).stdout);
    assert.deepEqual(told.splice(0), [`started ${pid} true`, `ended ${pid} false`]);
    await assert.rejects(ffmpeg.run(['1'], options), FfmpegError.is);
    assert.equal(told.splice(0).length, 2);
    await using none = createFfmpeg({ path: join(dir.path, 'gone'), children });
    await assert.rejects(none.run([], options), /ENOENT/);
    assert.deepEqual(told, []);
  });

  test('ends a script together with what it started', async () => {
    await using dir = await tempDir();
    const script = 'sleep 600 & echo $! > "$DIR/pid"; wait';
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
    const abort = new AbortController();
    const running = ffmpeg.run([], { ...options, signal: abort.signal });
    const pid = await pidOf(dir.path);
    abort.abort(new Error('the task was cancelled'));
    await assert.rejects(running, /cancelled/);
    // It is not our child, so the process that inherits it collects it.
    await until(() => !isAlive(pid), 'the end of what the script started');
  });

  test('starts children out of reach of a Ctrl-C in the terminal of the host', async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, 'ps -o pgid= -p $$; echo $$') });
    const [group, pid] = (await ffmpeg.run([], options)).stdout.trim().split(/\s+/);
    assert.equal(group, pid);
  });

  test('lets all others go first once it has run for long, with all that it started', {
    skip: notLinux,
  }, async () => {
    await using dir = await tempDir();
    const wait = 'while [ "$(nice)" != 10 ]; do sleep 0.02; done';
    await using ffmpeg = createFfmpeg({
      path: await program(dir.path, `(${wait}); ${wait}; nice`),
      longMs: 20,
    });
    assert.equal((await ffmpeg.run([], options)).stdout.trim(), '10');
  });

  for (const [what, script, code] of [
    [
      'a full disk',
      'echo "[out#0] Error writing trailer: No space left on device" >&2; exit 228',
      'disk_full',
    ],
    [
      'a full disk, as older builds report it',
      'echo "Error writing trailer of file:x: No space left on device" >&2; echo "Conversion failed!" >&2; exit 1',
      'disk_full',
    ],
    ['being killed', 'kill -KILL $$', 'ffmpeg_killed'],
    ['being told to end', 'exit 255', 'ffmpeg_killed'],
  ] as const) {
    test(`treats ${what} as transient`, async () => {
      await using dir = await tempDir();
      await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
      await assert.rejects(ffmpeg.run([], options), { name: 'TransientError', code });
    });
  }

  test('treats an unwritten end as a full disk, though older builds exit with 0, if the disk is full', async (t) => {
    await using dir = await tempDir();
    const script =
      'echo "Error closing file file:x: No space left on device" >&2; echo "[ebur128] Summary:" >&2';
    await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
    const writing = { ...options, writes: dir.path };
    let bavail = 1_000_000;
    const measure = (async () => ({ bavail, bsize: 4096, blocks: 2_000_000 })) as unknown as typeof fs.statfs;
    t.mock.method(fs, 'statfs', measure);
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    await ffmpeg.run([], writing);
    // A second run cannot open what the first one has not finished.
    const path = await program(
      dir.path,
      `for last; do :; done; [ "$last" = second ] || { ${script}; exit 0; }; echo "x: Invalid data found when processing input" >&2; exit 1`,
      'twice',
    );
    await using twice = createFfmpeg({ path });
    const measuring = { ...writing, followedBy: ['second'] };
    await assert.rejects(twice.run([], measuring), { name: 'FfmpegError' });
    bavail = 100;
    await assert.rejects(ffmpeg.run([], writing), { name: 'TransientError', code: 'disk_full' });
    await assert.rejects(twice.run([], measuring), { name: 'TransientError', code: 'disk_full' });
  });

  for (const [what, script] of [
    ['a crash of ffmpeg itself', 'kill -SEGV $$'],
    ["a file's own title about a full disk", 'echo "    title : No space left on device" >&2; exit 1'],
    [
      'a forged line about a full disk',
      'echo "[out] x: No space left on device" >&2; echo "x: bad" >&2; exit 1',
    ],
    ['a forged line of a newer build', 'echo "[out] x: No space left on device" >&2; exit 183'],
  ] as const) {
    test(`does not treat ${what} as transient`, async () => {
      await using dir = await tempDir();
      await using ffmpeg = createFfmpeg({ path: await program(dir.path, script) });
      await assert.rejects(ffmpeg.run([], options), FfmpegError.is);
    });
  }

  test('says what to do if the program cannot be started', async () => {
    await using dir = await tempDir();
    await using ffmpeg = createFfmpeg({ path: join(dir.path, 'gone') });
    await assert.rejects(ffmpeg.run([], options), (error: Error) => {
      assert.match(error.message, /Expected ffmpeg to start, got .*ENOENT. Check FFMPEG_BIN/);
      assert.ok(!error.message.includes(dir.path));
      return true;
    });
  });
});
