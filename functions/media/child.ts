/** One run of ffmpeg as a child process. No other file starts processes. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { afterAwake } from '../base/awake.ts';
import { HeadAndTail, LineSplitter } from './bounded-lines.ts';
import { type Cage, cageFailed, type RunFiles, signalInside } from './cage.ts';
import { hidden, INHERITED } from './descriptors.ts';
import { type Exceeded, exitError, FfmpegError, lastMessage } from './ffmpeg-error.ts';
import { largestBlock, type RunLimits, underLimits, withinMachine } from './limits.ts';
import { lowerPriority } from './priority.ts';
import { notStarted } from './run-errors.ts';
import { seriesOf } from './series.ts';

/** The first and last messages say most. This is enough for two messages about each of a hundred streams. */
const STDERR_KEPT = 256 * 1024;
/** A file's metadata is printed too, in some kilobytes, and what is wrong with each frame of a damaged film. */
const STDERR_MAX = 64 * 1024 * 1024;
/** Output that is not read line by line is short. */
const STDOUT_MAX = 1024 * 1024;
/** Exit codes of the shell and the library loader if a program is missing or cannot be run. */
const NOT_STARTED = [126, 127];
/** Except on Windows, a child leads a process group with everything that it starts (FFMPEG_BIN may be a script). */
const GROUPS = process.platform !== 'win32';

export interface RunOptions extends RunLimits, RunFiles {
  signal: AbortSignal;
  /** Receives standard output line by line, which is then not collected. If it throws, the run ends with that error. */
  onLine?: (line: string) => void;
  /**
   * Arguments of a second run, which starts if the first succeeds, under the same limits and in the same cage. What both
   * print is returned. It saves a copy of this process, a shell and a cage: some 15 ms of processor time.
   */
  followedBy?: readonly string[];
}

export interface RunResult {
  /** At most a megabyte; empty with onLine. */
  stdout: string;
  /** Only its first and last lines if there is a lot, each of at most 8,192 characters. */
  stderr: string;
}

interface Ended {
  exitCode: number | null;
  killedBy: NodeJS.Signals | null;
}

export interface Program {
  path: string;
  cage: Cage | undefined;
  /** The cage has a working folder of its own. */
  cwd: string;
}

export interface Times {
  /** Between SIGTERM and SIGKILL, milliseconds. */
  graceMs: number;
  /** After how long a run lets all others go first, milliseconds. */
  longMs: number;
}

export class Child {
  readonly result: Promise<RunResult>;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #caged: boolean;
  /** Whether another program tells how it ended. */
  readonly #isInside: boolean;
  readonly #graceMs: number;
  readonly #longMs: number;
  readonly #limits: RunLimits;
  readonly #closed = Promise.withResolvers<void>();
  #gone = false;
  /** Set once we end the child: what the run throws. */
  #endedFor: { reason: unknown } | undefined;

  constructor(
    { path, cage, cwd }: Program,
    lists: readonly (readonly string[])[],
    options: RunOptions,
    { graceMs, longMs }: Times,
  ) {
    this.#limits = withinMachine(options);
    this.#caged = cage !== undefined;
    this.#isInside = this.#caged || lists.length > 1;
    const common = ['-nostdin', '-hide_banner', ...largestBlock(this.#limits)];
    const bare = seriesOf(
      path,
      lists.map((args) => [...common, ...args]),
    );
    // Behind a shell, the cage does not see which program it is for.
    const files = { ...options, reads: [path, ...(options.reads ?? [])] };
    const start = underLimits(cage?.around(bare, files, INHERITED) ?? bare, this.#limits);
    // ffmpeg needs no environment, and must not see our settings.
    this.#process = spawn(start.command, start.args, {
      env: {},
      // A relative name in an input must find nothing. In the folder where the service was started, it could find .env.
      cwd,
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe', ...hidden()],
      // Ctrl-C in a terminal goes to the host's whole process group. The host ends its children itself, in order.
      detached: GROUPS,
      windowsHide: true,
    }) as ChildProcessByStdio<null, Readable, Readable>;
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
    using _ = afterAwake(timeoutMs, () =>
      failed(`a timeout after ${Math.round(timeoutMs / 1000)} s`, 'time'),
    );
    const long = setTimeout(() => this.pid !== undefined && lowerPriority(this.pid), this.#longMs);
    try {
      const { exitCode, killedBy } = await this.#ended();
      if (this.#endedFor !== undefined) throw this.#endedFor.reason;
      messages.end();
      lines?.end();
      const text = stderr.text();
      if (this.#caged && cageFailed(exitCode, text)) throw notStarted(lastMessage(text));
      if (exitCode !== null && NOT_STARTED.includes(exitCode)) throw notStarted(lastMessage(text));
      if (exitCode !== 0) throw exitError(exitCode, killedBy, text, this.#limits);
      return { stdout: Buffer.concat(collected).toString('utf8'), stderr: text };
    } finally {
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
    this.#process.once('close', (exitCode, killedBy) => {
      const inside = this.#isInside ? signalInside(exitCode) : undefined;
      resolve(inside === undefined ? { exitCode, killedBy } : { exitCode: null, killedBy: inside });
    });
    return promise.finally(() => {
      this.#gone = true;
      this.#closed.resolve();
    });
  }
}
