/** The only place of the product that starts processes. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { parse } from 'node:path';
import { TransientError } from '../base/errors.ts';
import type { ChildRecords } from '../ports.ts';
import { type Exceeded, exitError, FfmpegError, lastWords, withoutDirectories } from './ffmpeg-error.ts';
import { HeadAndTail } from './head-and-tail.ts';
import { largestBlock, type RunLimits, underLimits, withinMachine } from './limits.ts';

/** Time between asking a child to end and ending it; what it has made so far is thrown away in either case. */
const GRACE_MS = 2_000;
/** Of a flood of complaints, the first and the last ones tell most: two for each of a hundred streams come first. */
const STDERR_KEPT = 256 * 1024;
/** Packet lists are the longest: 50 bytes for each of 110 packets a second, so three hours. */
const STDOUT_MAX = 64 * 1024 * 1024;
const VERSION_LIMITS: RunLimits = { timeoutMs: 30_000, memoryMb: 512, fileMb: 0 };
/** By a shell, or the loader of libraries: there is no such program, or it cannot be run. */
const NOT_STARTED = [126, 127];
/** Elsewhere than on Windows a child leads a process group, with all that it starts (FFMPEG_BIN may be a script). */
const GROUPS = process.platform !== 'win32';

export interface RunOptions extends RunLimits {
  signal: AbortSignal;
}

export interface RunResult {
  stdout: string;
  /** Its beginning and its end, where there was much of it. */
  stderr: string;
}

export interface Ffmpeg extends AsyncDisposable {
  /**
   * Runs to the end. Throws FfmpegError when ffmpeg fails or comes to one of its limits, TransientError 'disk_full' or
   * 'ffmpeg_killed' when it is not to blame, the signal's reason when aborted. The child is gone in every case.
   */
  run(args: readonly string[], options: RunOptions): Promise<RunResult>;
  /** First line of `ffmpeg -version`: what is made by another build is another thing. */
  version(): Promise<string>;
  /** Ends all children and waits for that; nothing can be run afterwards. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FfmpegOptions {
  path: string;
  graceMs?: number;
  /** Told of every child, for whoever comes after a death that leaves no time for anything. */
  children?: ChildRecords;
}

export function createFfmpeg({ path, graceMs = GRACE_MS, children }: FfmpegOptions): Ffmpeg {
  const running = new Set<Child>();
  const killAll = () => {
    for (const child of running) child.kill('SIGKILL');
  };
  // Not even an uncaught error may leave an encoder behind.
  process.on('exit', killAll);
  let disposed = false;
  let version: Promise<string> | undefined;

  async function run(args: readonly string[], options: RunOptions): Promise<RunResult> {
    options.signal.throwIfAborted();
    if (disposed) throw stopping();
    refuseMissing(path);
    const child = new Child(path, args, options, graceMs);
    running.add(child);
    if (child.pid !== undefined) children?.started(child.pid);
    try {
      return await child.result;
    } finally {
      running.delete(child);
      if (child.pid !== undefined) children?.ended(child.pid);
    }
  }

  async function askVersion(): Promise<string> {
    const signal = new AbortController().signal;
    const { stdout } = await run(['-version'], { signal, ...VERSION_LIMITS });
    const [line = ''] = stdout.split(/\r?\n/);
    if (line.startsWith('ffmpeg version ')) return line;
    throw new Error(
      `Expected ${path} to be ffmpeg, got ${JSON.stringify(line.slice(0, 80))} as its version. Check FFMPEG_BIN.`,
    );
  }

  return {
    run,
    version() {
      version ??= askVersion().catch((error: unknown) => {
        version = undefined;
        throw error;
      });
      return version;
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      await Promise.all([...running].map((child) => child.end(stopping())));
      process.off('exit', killAll);
    },
  };
}

function stopping(): TransientError {
  return new TransientError('ffmpeg_killed', 'Expected the service to go on, got its end.');
}

/** The shell that starts it would say so in words of its own. */
function refuseMissing(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw notStarted((cause as NodeJS.ErrnoException).code ?? 'no leave', cause);
  }
}

function notStarted(actual: string, cause?: unknown): Error {
  return new Error(`Expected ffmpeg to start, got ${withoutDirectories(actual)}. Check FFMPEG_BIN.`, {
    cause,
  });
}

interface Ended {
  exitCode: number | null;
  killedBy: NodeJS.Signals | null;
}

/** One run of the program. */
class Child {
  readonly result: Promise<RunResult>;
  readonly #process;
  readonly #graceMs: number;
  readonly #limits: RunLimits;
  readonly #closed = Promise.withResolvers<void>();
  #gone = false;
  /** Why we ended it; what the run then throws. */
  #endedFor: { reason: unknown } | undefined;

  constructor(path: string, args: readonly string[], options: RunOptions, graceMs: number) {
    this.#limits = withinMachine(options);
    const own = ['-nostdin', '-hide_banner', ...largestBlock(this.#limits), ...args];
    const start = underLimits(path, own, this.#limits);
    // No environment: ffmpeg needs none, and a setting of ours is none of its business.
    this.#process = spawn(start.command, start.args, {
      env: {},
      // Nothing lies there that a name without a folder could mean; where the service was started, .env may.
      cwd: parse(path).root,
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C in a terminal reaches the whole group of the host: it is to end its children itself, in order.
      detached: GROUPS,
      windowsHide: true,
    });
    this.#graceMs = graceMs;
    this.result = this.#watch(options.signal);
  }

  /** Undefined where it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.pid === undefined || this.#gone) return;
    if (!GROUPS) {
      this.#process.kill(signal);
      return;
    }
    try {
      process.kill(-this.pid, signal);
    } catch {
      // It has ended, and its own end is about to be told.
    }
  }

  /** Asks it to end, insists after the grace, and resolves when it is gone; the run throws `reason`. */
  async end(reason: unknown): Promise<void> {
    this.#endedFor ??= { reason };
    this.kill('SIGTERM');
    const insist = setTimeout(() => this.kill('SIGKILL'), this.#graceMs);
    await this.#closed.promise;
    clearTimeout(insist);
  }

  async #watch(signal: AbortSignal): Promise<RunResult> {
    const stderr = new HeadAndTail(STDERR_KEPT);
    const stdout: Buffer[] = [];
    let stdoutBytes = 0;
    const failed = (shortMessage: string, exceeded: Exceeded) =>
      new FfmpegError({ exitCode: null, signal: null, exceeded, stderr: stderr.text(), shortMessage });

    this.#process.stderr.on('data', (chunk: Buffer) => stderr.add(chunk));
    this.#process.stdout.on('data', (chunk: Buffer) => {
      stdoutBytes += chunk.length;
      if (stdoutBytes <= STDOUT_MAX) stdout.push(chunk);
      else void this.end(failed(`more than ${STDOUT_MAX} bytes of output`, 'output'));
    });
    const onAbort = () => void this.end(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const { timeoutMs } = this.#limits;
    const timer = setTimeout(
      () => void this.end(failed(`no end within ${Math.round(timeoutMs / 1000)} s`, 'time')),
      timeoutMs,
    );
    try {
      const { exitCode, killedBy } = await this.#ended();
      if (this.#endedFor !== undefined) throw this.#endedFor.reason;
      const text = stderr.text();
      if (exitCode !== null && NOT_STARTED.includes(exitCode)) throw notStarted(lastWords(text));
      if (exitCode !== 0) throw exitError(exitCode, killedBy, text, this.#limits);
      return { stdout: Buffer.concat(stdout).toString('utf8'), stderr: text };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #ended(): Promise<Ended> {
    const { promise, resolve, reject } = Promise.withResolvers<Ended>();
    this.#process.once('error', (cause) => {
      // Also emitted where a running child could not be signalled.
      if (this.#process.pid !== undefined) return;
      reject(notStarted(cause.message, cause));
    });
    this.#process.once('close', (exitCode, killedBy) => resolve({ exitCode, killedBy }));
    return promise.finally(() => {
      this.#gone = true;
      this.#closed.resolve();
    });
  }
}
