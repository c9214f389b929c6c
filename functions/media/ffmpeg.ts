/** Runs ffmpeg as a child process. No other file starts processes. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { parse } from 'node:path';
import type { Readable } from 'node:stream';
import { TransientError } from '../base/errors.ts';
import type { ChildRecords } from '../ports.ts';
import { HeadAndTail, LineSplitter } from './bounded-lines.ts';
import { type Exceeded, exitError, FfmpegError, lastMessage, withoutDirectories } from './ffmpeg-error.ts';
import { largestBlock, type RunLimits, underLimits, withinMachine } from './limits.ts';
import { lowerPriority } from './priority.ts';

/** Time between SIGTERM and SIGKILL. What the child has written is thrown away in either case. */
const GRACE_MS = 2_000;
/** The first and last messages say most. This is enough for two messages about each of a hundred streams. */
const STDERR_KEPT = 256 * 1024;
/** A file's metadata is printed too. Ordinary metadata, with lyrics or chapters, takes some kilobytes. */
const STDERR_MAX = 16 * 1024 * 1024;
/** Output that is not read line by line is short. */
const STDOUT_MAX = 1024 * 1024;
/** A run that takes longer lets all others go first. Mixes and ordinary clips take less. */
const LONG_MS = 5_000;
const VERSION_LIMITS: RunLimits = { timeoutMs: 30_000, memoryMb: 512, fileMb: 0 };
/** Exit codes of the shell and the library loader if a program is missing or cannot be run. */
const NOT_STARTED = [126, 127];
/** Except on Windows, a child leads a process group with everything that it starts (FFMPEG_BIN may be a script). */
const GROUPS = process.platform !== 'win32';

export interface RunOptions extends RunLimits {
  signal: AbortSignal;
  /** Receives standard output line by line, which is then not collected. If it throws, the run ends with that error. */
  onLine?: (line: string) => void;
}

export interface RunResult {
  /** At most a megabyte; empty with onLine. */
  stdout: string;
  /** Only its first and last lines if there is a lot, each of at most 8,192 characters. */
  stderr: string;
}

export interface Ffmpeg extends AsyncDisposable {
  /**
   * Runs ffmpeg to its end. Throws FfmpegError if ffmpeg fails or exceeds a limit, TransientError 'disk_full' or
   * 'ffmpeg_killed' if the cause lies outside ffmpeg, and the signal's reason if aborted. The child is gone in any case.
   */
  run(args: readonly string[], options: RunOptions): Promise<RunResult>;
  /** First line of `ffmpeg -version`. Part of the artifacts' keys, because another build makes different files. */
  version(): Promise<string>;
  /** Ends all children and waits until they are gone. Nothing can be run afterwards. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface FfmpegOptions {
  path: string;
  graceMs?: number;
  /** After how long a run lets all others go first. */
  longMs?: number;
  /** Records every child, so that the next host can end children that outlive a crash of this one. */
  children?: ChildRecords;
}

export function createFfmpeg({
  path,
  graceMs = GRACE_MS,
  longMs = LONG_MS,
  children,
}: FfmpegOptions): Ffmpeg {
  const running = new Set<Child>();
  const killAll = () => {
    for (const child of running) child.kill('SIGKILL');
  };
  // No encoder may stay behind, even after an uncaught error.
  process.on('exit', killAll);
  let disposed = false;
  let version: Promise<string> | undefined;

  async function run(args: readonly string[], options: RunOptions): Promise<RunResult> {
    options.signal.throwIfAborted();
    if (disposed) throw stopping();
    refuseMissing(path);
    const child = new Child(path, args, options, { graceMs, longMs });
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
  return new TransientError('ffmpeg_killed', 'Expected the service to keep running, got a stop.');
}

/** Checked here because the message of the shell that starts ffmpeg is less clear. */
function refuseMissing(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw notStarted((cause as NodeJS.ErrnoException).code ?? 'no permission', cause);
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

/** One run of ffmpeg. */
class Child {
  readonly result: Promise<RunResult>;
  readonly #process;
  readonly #graceMs: number;
  readonly #longMs: number;
  readonly #limits: RunLimits;
  readonly #closed = Promise.withResolvers<void>();
  #gone = false;
  /** Set once we end the child: what the run throws. */
  #endedFor: { reason: unknown } | undefined;

  constructor(
    path: string,
    args: readonly string[],
    options: RunOptions,
    { graceMs, longMs }: Required<Pick<FfmpegOptions, 'graceMs' | 'longMs'>>,
  ) {
    this.#limits = withinMachine(options);
    const own = ['-nostdin', '-hide_banner', ...largestBlock(this.#limits), ...args];
    const start = underLimits(path, own, this.#limits);
    // ffmpeg needs no environment, and must not see our settings.
    this.#process = spawn(start.command, start.args, {
      env: {},
      // A relative name in an input must find nothing. In the folder where the service was started, it could find .env.
      cwd: parse(path).root,
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C in a terminal goes to the host's whole process group. The host ends its children itself, in order.
      detached: GROUPS,
      windowsHide: true,
    });
    this.#graceMs = graceMs;
    this.#longMs = longMs;
    this.result = this.#watch(options);
  }

  /** Undefined if it could not be started. */
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
      // It has ended already. Its close event follows.
    }
  }

  /** Sends SIGTERM, after the grace period SIGKILL, and resolves once the child is gone. The run throws `reason`. */
  async end(reason: unknown): Promise<void> {
    this.#endedFor ??= { reason };
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.kill('SIGKILL'), this.#graceMs);
    await this.#closed.promise;
    clearTimeout(timer);
  }

  async #watch({ signal, onLine }: RunOptions): Promise<RunResult> {
    const stderr = new HeadAndTail(STDERR_KEPT);
    const failed = (shortMessage: string, exceeded: Exceeded) =>
      void this.end(
        new FfmpegError({ exitCode: null, signal: null, exceeded, stderr: stderr.text(), shortMessage }),
      );
    const tooMuch = (most: number) => () => failed(`more than ${most / 2 ** 20} MB of output`, 'output');

    const messages = new LineSplitter((line) => stderr.add(line));
    this.#read(this.#process.stderr, (chunk) => messages.add(chunk), STDERR_MAX, tooMuch(STDERR_MAX));
    const collected: Buffer[] = [];
    const lines = onLine && new LineSplitter(onLine);
    if (lines === undefined) {
      this.#read(this.#process.stdout, (chunk) => collected.push(chunk), STDOUT_MAX, tooMuch(STDOUT_MAX));
    } else {
      this.#read(
        this.#process.stdout,
        (chunk) => lines.add(chunk),
        Number.POSITIVE_INFINITY,
        () => {},
      );
    }
    const onAbort = () => void this.end(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const { timeoutMs } = this.#limits;
    const timer = setTimeout(
      () => failed(`a timeout after ${Math.round(timeoutMs / 1000)} s`, 'time'),
      timeoutMs,
    );
    const long = setTimeout(() => this.pid !== undefined && lowerPriority(this.pid), this.#longMs);
    try {
      const { exitCode, killedBy } = await this.#ended();
      if (this.#endedFor !== undefined) throw this.#endedFor.reason;
      messages.end();
      lines?.end();
      const text = stderr.text();
      if (exitCode !== null && NOT_STARTED.includes(exitCode)) throw notStarted(lastMessage(text));
      if (exitCode !== 0) throw exitError(exitCode, killedBy, text, this.#limits);
      return { stdout: Buffer.concat(collected).toString('utf8'), stderr: text };
    } finally {
      clearTimeout(timer);
      clearTimeout(long);
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Reads a stream until the run is being ended. What it writes after that only has to be taken away. */
  #read(stream: Readable, take: (chunk: Buffer) => void, most: number, onTooMuch: () => void): void {
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      if (this.#endedFor !== undefined) return;
      bytes += chunk.length;
      if (bytes > most) return onTooMuch();
      try {
        take(chunk);
      } catch (error) {
        void this.end(error);
      }
    });
  }

  #ended(): Promise<Ended> {
    const { promise, resolve, reject } = Promise.withResolvers<Ended>();
    this.#process.once('error', (cause) => {
      // Also emitted if a running child could not be signalled.
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
