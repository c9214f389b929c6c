/** Runs ffmpeg as a child process. No other file starts processes. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { ChildRecords } from '../ports.ts';
import { type Cage, cageFailed, type RunFiles, signalInCage } from './cage.ts';
import { hidden, INHERITED } from './descriptors.ts';
import { type Exceeded, exitError, FfmpegError, lastMessage } from './ffmpeg-error.ts';
import { HeadAndTail } from './head-and-tail.ts';
import { largestBlock, type RunLimits, underLimits, withinMachine } from './limits.ts';
import { notStarted, oddFiles, refuseMissing, stopping } from './run-errors.ts';
import { emptyFolder, hasOddFiles } from './work-folder.ts';

/** Time between SIGTERM and SIGKILL. What the child has written is thrown away in either case. */
const GRACE_MS = 2_000;
/** The first and last messages say most. This is enough for two messages about each of a hundred streams. */
const STDERR_KEPT = 256 * 1024;
/** Packet lists are the longest output. At 50 bytes per packet and 110 packets per second, this is three hours. */
const STDOUT_MAX = 64 * 1024 * 1024;
const VERSION_LIMITS: RunLimits = { timeoutMs: 30_000, memoryMb: 512, fileMb: 0 };
/** Exit codes of the shell and the library loader if a program is missing or cannot be run. */
const NOT_STARTED = [126, 127];
/** Except on Windows, a child leads a process group with everything that it starts (FFMPEG_BIN may be a script). */
const GROUPS = process.platform !== 'win32';

export interface RunOptions extends RunLimits, RunFiles {
  signal: AbortSignal;
}

export interface RunResult {
  stdout: string;
  /** Only its beginning and end if there is a lot. */
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
  /** Runs are limited to their own files and to no network only in a cage. */
  cage?: Cage | undefined;
  /** The empty folder that it works in, if there is no cage; a temporary one by default. */
  workDir?: string;
  /** Records every child, so that the next host can end children that outlive a crash of this one. */
  children?: ChildRecords;
}

export function createFfmpeg({ path, graceMs = GRACE_MS, cage, workDir, children }: FfmpegOptions): Ffmpeg {
  const running = new Set<Child>();
  const home = emptyFolder(workDir);
  const killAll = () => {
    for (const child of running) child.kill('SIGKILL');
    home[Symbol.dispose]();
  };
  // No encoder may stay behind, even after an uncaught error.
  process.on('exit', killAll);
  let disposed = false;
  let version: Promise<string> | undefined;

  async function run(args: readonly string[], options: RunOptions): Promise<RunResult> {
    options.signal.throwIfAborted();
    if (disposed) throw stopping();
    refuseMissing(path);
    const child = new Child(
      { path, cage, cwd: cage === undefined ? home.path() : '/' },
      args,
      options,
      graceMs,
    );
    running.add(child);
    if (child.pid !== undefined) children?.started(child.pid);
    try {
      const result = await child.result;
      if (options.writes !== undefined && (await hasOddFiles(options.writes))) throw oddFiles(result.stderr);
      return result;
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
      home[Symbol.dispose]();
      process.off('exit', killAll);
    },
  };
}

interface Ended {
  exitCode: number | null;
  killedBy: NodeJS.Signals | null;
}

interface Program {
  path: string;
  cage: Cage | undefined;
  /** The cage has a working folder of its own. */
  cwd: string;
}

/** One run of ffmpeg. */
class Child {
  readonly result: Promise<RunResult>;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #caged: boolean;
  readonly #graceMs: number;
  readonly #limits: RunLimits;
  readonly #closed = Promise.withResolvers<void>();
  #gone = false;
  /** Set once we end the child: what the run throws. */
  #endedFor: { reason: unknown } | undefined;

  constructor({ path, cage, cwd }: Program, args: readonly string[], options: RunOptions, graceMs: number) {
    this.#limits = withinMachine(options);
    this.#caged = cage !== undefined;
    const own = ['-nostdin', '-hide_banner', ...largestBlock(this.#limits), ...args];
    const bare = { command: path, args: own };
    const start = underLimits(cage?.around(bare, options, INHERITED) ?? bare, this.#limits);
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
    this.result = this.#watch(options.signal);
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
      () => void this.end(failed(`a timeout after ${Math.round(timeoutMs / 1000)} s`, 'time')),
      timeoutMs,
    );
    try {
      const { exitCode, killedBy } = await this.#ended();
      if (this.#endedFor !== undefined) throw this.#endedFor.reason;
      const text = stderr.text();
      if (this.#caged && cageFailed(exitCode, text)) throw notStarted(lastMessage(text));
      if (exitCode !== null && NOT_STARTED.includes(exitCode)) throw notStarted(lastMessage(text));
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
      // Also emitted if a running child could not be signalled.
      if (this.#process.pid !== undefined) return;
      reject(notStarted(cause.message, cause));
    });
    this.#process.once('close', (exitCode, killedBy) => {
      const inCage = this.#caged ? signalInCage(exitCode) : undefined;
      resolve(inCage === undefined ? { exitCode, killedBy } : { exitCode: null, killedBy: inCage });
    });
    return promise.finally(() => {
      this.#gone = true;
      this.#closed.resolve();
    });
  }
}
