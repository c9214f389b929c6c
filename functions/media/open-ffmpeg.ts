/** Opens ffmpeg for files of strangers: chooses the build, tries the cage, and says what is missing. */
import type { Log } from '../base/log.ts';
import type { ChildRecords } from '../ports/child-records.ts';
import { findCage } from './cage.ts';
import { type Ask, type ChosenFfmpeg, chooseFfmpeg, isOld } from './choose-ffmpeg.ts';
import { createFfmpeg, type Ffmpeg } from './ffmpeg.ts';
import type { FfmpegPlace } from './find-ffmpeg.ts';
import { doesMemoryLimitBind } from './limit-trial.ts';
import type { RunLimits } from './limits.ts';

/** `auto` uses a cage where there is one, `required` runs nothing without one. */
export type CageMode = 'auto' | 'off' | 'required';

export interface OpenOptions extends FfmpegPlace {
  cage: CageMode;
  log: Log;
  children?: ChildRecords;
  /** See FfmpegOptions. */
  workDir?: string;
  /** Tries in the background whether the system enforces limits on memory, and logs it. */
  tryLimits?: boolean;
}

export interface OpenedFfmpeg {
  ffmpeg: Ffmpeg;
  path: string;
  /** First line of `ffmpeg -version`. */
  version: string;
  origin: string;
  /** `none` if there is none. */
  cage: string;
}

const LISTING: RunLimits = { timeoutMs: 30_000, memoryMb: 512, fileMb: 0 };

/** Throws an Error that says what to do if there is no ffmpeg, it does not work, or a required cage does not. */
export async function openFfmpeg(options: OpenOptions): Promise<OpenedFfmpeg> {
  const { log } = options;
  const chosen = await chooseFfmpeg(options, ask);
  const opened = await inCage(chosen, options);
  if (opened.without !== undefined) {
    log.notice(`ffmpeg runs without a cage: ${opened.without}`, { event: 'ffmpeg.no_cage' });
  }
  void chosen.unverified.then((is) => {
    if (!is) return;
    log.warn(
      `ffmpeg at ${chosen.path} is not the known download of ffmpeg-static: reinstall it, or set FFMPEG_BIN`,
      { event: 'ffmpeg.unverified' },
    );
  });
  if (isOld(opened.version)) {
    log.notice(
      `${opened.version} gets no security fixes: install a newer ffmpeg, or set FFMPEG_BIN (see SECURITY.md)`,
      { event: 'ffmpeg.old' },
    );
  }
  const { ffmpeg, version, cage } = opened;
  if (options.tryLimits) void tellLimits(ffmpeg, log);
  return { ffmpeg, path: chosen.path, version, origin: chosen.origin, cage };
}

async function tellLimits(ffmpeg: Ffmpeg, log: Log): Promise<void> {
  try {
    if (await doesMemoryLimitBind(ffmpeg)) {
      log.info('The system enforces the limit on the memory of ffmpeg', {
        event: 'ffmpeg.limits',
        memory: true,
      });
    } else {
      log.warn(
        'The system accepts a limit on the memory of ffmpeg and ignores it: only the memory of the whole instance limits it. ' +
          'Next step: run infra/cloud/deploy.sh, which sets the second generation of the execution environment',
        { event: 'ffmpeg.limits', memory: false },
      );
    }
  } catch (error) {
    log.warn('Whether the limit on the memory of ffmpeg is enforced could not be tried', {
      event: 'ffmpeg.limits',
      error,
    });
  }
}

/** The same, with all that `open` does put off until the first run. */
export function openLater(open: () => Promise<OpenedFfmpeg>): Ffmpeg {
  let opened: Promise<OpenedFfmpeg> | undefined;
  const ready = async () => {
    opened ??= open();
    try {
      return (await opened).ffmpeg;
    } catch (error) {
      opened = undefined;
      throw error;
    }
  };
  return {
    run: async (args, options) => (await ready()).run(args, options),
    version: async () => (await ready()).version(),
    async [Symbol.asyncDispose]() {
      const last = await opened?.catch(() => undefined);
      await last?.ffmpeg[Symbol.asyncDispose]();
    },
  };
}

const ask: Ask = async (path, args) => {
  await using ffmpeg = createFfmpeg({ path });
  const { stdout } = await ffmpeg.run(args, { signal: new AbortController().signal, ...LISTING });
  return stdout;
};

interface Caged {
  ffmpeg: Ffmpeg;
  version: string;
  cage: string;
  /** Why there is no cage, and what to do. */
  without?: string;
}

/** The version is asked in the cage, which shows whether it works: containers may forbid it. */
async function inCage(chosen: ChosenFfmpeg, options: OpenOptions): Promise<Caged> {
  const { path } = chosen;
  const { cage: mode, children, workDir } = options;
  const own = { ...(children && { children }), ...(workDir && { workDir }) };
  const cage = mode === 'off' ? undefined : findCage(options.searchPath);
  let without = mode === 'off' ? 'FFMPEG_CAGE is off.' : 'Install bubblewrap (Linux only) for one.';
  if (cage !== undefined) {
    const ffmpeg = createFfmpeg({ path, cage, ...own });
    try {
      return { ffmpeg, version: await ffmpeg.version(), cage: cage.name };
    } catch (error) {
      await ffmpeg[Symbol.asyncDispose]();
      const reason = error instanceof Error ? error.message : String(error);
      without = `${cage.name} is there, but cannot start ffmpeg here. ${reason}`;
    }
  }
  if (mode === 'required') {
    throw new Error(`Expected a cage for ffmpeg, as FFMPEG_CAGE=required says, got none. ${without}`);
  }
  const ffmpeg = createFfmpeg({ path, ...own });
  try {
    return { ffmpeg, version: await ffmpeg.version(), cage: 'none', without };
  } catch (cause) {
    await ffmpeg[Symbol.asyncDispose]();
    throw new Error(
      `Expected ${path} (${chosen.origin}) to print an ffmpeg version, got none. Set FFMPEG_BIN to a working ffmpeg.`,
      { cause },
    );
  }
}
