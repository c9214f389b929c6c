/** Runs ffmpeg, ends what is still running when the service stops, and knows its build. */
import type { ChildRecords } from '../ports/child-records.ts';
import type { Cage } from './cage.ts';
import { Child, type RunOptions, type RunResult } from './child.ts';
import { diskFull, FfmpegError, saysDiskFull } from './ffmpeg-error.ts';
import type { RunLimits } from './limits.ts';
import { oddFiles, refuseMissing, stopping } from './run-errors.ts';
import { CAN_RUN_SERIES } from './series.ts';
import { emptyFolder, hasOddFiles, isAlmostFull } from './work-folder.ts';

/** Time between SIGTERM and SIGKILL. What the child has written is thrown away in either case. */
const GRACE_MS = 2_000;
/** A run that takes longer lets all others go first. Mixes take less, and many clips. */
const LONG_MS = 3_000;
const VERSION_LIMITS: RunLimits = { timeoutMs: 30_000, memoryMb: 512, fileMb: 0 };

export type { RunOptions, RunResult } from './child.ts';

export interface Ffmpeg extends AsyncDisposable {
  /**
   * Runs ffmpeg to its end, perhaps twice. Throws FfmpegError if ffmpeg fails or exceeds a limit, TransientError 'disk_full' or
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
  /** Runs are limited to their own files and to no network only in a cage. */
  cage?: Cage | undefined;
  /** The empty folder that it works in, if there is no cage; a temporary one by default. */
  workDir?: string;
  /** Records every child, so that the next host can end children that outlive a crash of this one. */
  children?: ChildRecords;
}

export function createFfmpeg(options: FfmpegOptions): Ffmpeg {
  const { path, graceMs = GRACE_MS, longMs = LONG_MS, cage, workDir, children } = options;
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
    const { followedBy, signal } = options;
    signal.throwIfAborted();
    if (disposed) throw stopping();
    refuseMissing(path);
    if (followedBy !== undefined && !CAN_RUN_SERIES) {
      const { followedBy: _, ...alone } = options;
      const first = await run(args, alone);
      const second = await run(followedBy, alone);
      return { stdout: first.stdout + second.stdout, stderr: `${first.stderr}\n${second.stderr}` };
    }
    const cwd = cage === undefined ? home.path() : '/';
    const lists = followedBy === undefined ? [args] : [args, followedBy];
    const child = new Child({ path, cage, cwd }, lists, options, { graceMs, longMs });
    running.add(child);
    if (child.pid !== undefined) children?.started(child.pid);
    try {
      const { writes } = options;
      // The file may say that, too; but what it is made of cannot fill the disk.
      const filledDisk = async (stderr: string) =>
        writes !== undefined && saysDiskFull(stderr) && (await isAlmostFull(writes));
      const result = await child.result.catch(async (error: unknown) => {
        // Older builds end well without the end of their file, which the second run cannot open.
        throw FfmpegError.is(error) && (await filledDisk(error.stderr)) ? diskFull(error) : error;
      });
      if (writes !== undefined && (await hasOddFiles(writes))) throw oddFiles(result.stderr);
      if (await filledDisk(result.stderr)) throw diskFull();
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
