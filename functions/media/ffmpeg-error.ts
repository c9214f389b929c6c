/** Turns failures of ffmpeg into messages that are fit for a report, without local paths or memory addresses. */
import type { PermanentCode } from '../base/codes.ts';
import { PermanentError, type Stage, TransientError } from '../base/errors.ts';
import type { RunLimits } from './limits.ts';

/** Enough for a line in a report. `stderr` has all of it. */
const MAX_SHORT_MESSAGE = 300;
/** Lines that end every failure. The line before them says why. */
const CLOSING_LINES =
  /^(Conversion failed!|Exiting (normally|with exit code).*|Error (opening (in|out)put file|parsing global options).*|At least one output file must be specified|Last message repeated \d+ times|Summary:|Qavg: .*|video:\S+ audio:.*)$/;

/** ffmpeg crashed on its input, and would crash again in another try. */
const CRASHES: readonly NodeJS.Signals[] = ['SIGSEGV', 'SIGABRT', 'SIGFPE', 'SIGILL', 'SIGBUS', 'SIGSYS'];
/** What to do when a limit was exceeded. */
const HINTS: Record<Exceeded, string> = {
  time: 'Send a shorter or smaller file, or give the service more CPU.',
  memory: 'Send a file with a smaller picture, or give the service more memory.',
  output: 'Send a shorter or simpler file.',
};
/**
 * Starting a thread needs memory too, and with our settings libx264 refuses to open for no other reason. Indented lines
 * are the file's own metadata.
 */
const OUT_OF_MEMORY =
  /^\S.*(Cannot allocate memory|Out of memory|malloc of size \d+ failed|pthread_create\(\) failed|Error while opening encoder)/im;
/** How ffmpeg exits after a signal to stop (fftools/ffmpeg.c). It says so only at log level info. */
const STOPPED_BY_SIGNAL = 255;

/** The limit that a run exceeded. */
export type Exceeded = 'time' | 'memory' | 'output';

export interface FfmpegErrorFields {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  exceeded: Exceeded | null;
  /** Only its beginning and end if there is a lot. May contain local paths, so it is for logs only. */
  stderr: string;
  shortMessage: string;
}

/** ffmpeg ran and failed. */
export class FfmpegError extends Error {
  override readonly name = 'FfmpegError';
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly exceeded: Exceeded | null;
  readonly stderr: string;
  /** The last line of stderr that gives a reason, without directories. May be shown to callers. */
  readonly shortMessage: string;

  constructor(fields: FfmpegErrorFields) {
    super(`ffmpeg: ${fields.shortMessage}`);
    this.exitCode = fields.exitCode;
    this.signal = fields.signal;
    this.exceeded = fields.exceeded;
    this.stderr = fields.stderr;
    this.shortMessage = fields.shortMessage;
  }

  static is(error: unknown): error is FfmpegError {
    return error instanceof FfmpegError;
  }
}

/** The error for a run that failed, or that something other than this service ended. */
export function exitError(
  exitCode: number | null,
  killedBy: NodeJS.Signals | null,
  stderr: string,
  { memoryMb, fileMb }: Pick<RunLimits, 'memoryMb' | 'fileMb'>,
): FfmpegError | TransientError {
  // Indented lines are the file's own metadata, which may say anything.
  if (/^\S.*No space left on device/m.test(stderr)) {
    return new TransientError('disk_full', 'Expected room on the disk, got none left.');
  }
  const failed = (shortMessage: string, exceeded: Exceeded | null = null) =>
    new FfmpegError({ exitCode, signal: killedBy, exceeded, stderr, shortMessage });
  if (killedBy === 'SIGXFSZ') return failed(`a file larger than ${fileMb} MB`, 'output');
  if (OUT_OF_MEMORY.test(stderr)) return failed(`memory use above ${memoryMb} MB`, 'memory');
  const stopped = exitCode === STOPPED_BY_SIGNAL && !/Operation not permitted/.test(stderr);
  if (stopped || (killedBy !== null && !CRASHES.includes(killedBy))) {
    const by = killedBy ?? 'a signal';
    return new TransientError('ffmpeg_killed', `Expected ffmpeg to finish, got it stopped by ${by}.`);
  }
  return failed(killedBy === null ? lastMessage(stderr) : `a crash of ffmpeg (${killedBy})`);
}

/** Turns a failure of ffmpeg into a PermanentError that says what was expected. Returns any other error unchanged. */
export function permanentFrom(
  error: unknown,
  code: PermanentCode,
  stage: Stage,
  { expected, next }: { expected: string; next: string },
): unknown {
  if (!FfmpegError.is(error)) return error;
  const advice = error.exceeded === null ? next : HINTS[error.exceeded];
  return new PermanentError(code, stage, `Expected ${expected}, got: ${error.shortMessage}. ${advice}`, {
    cause: error,
  });
}

/** The last line that gives a reason, without "[name @ 0x...]" and without directories. */
export function lastMessage(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    // Measurements of a filter, and the file's own metadata.
    .filter((line) => !/^\s/.test(line))
    .map((line) => line.replace(/^(\[[^\]]*\] )+/, '').trim())
    .filter((line) => line !== '' && !CLOSING_LINES.test(line));
  const last = withoutDirectories(lines.at(-1) ?? 'no message').replace(/[.\s]+$/, '');
  return last.length > MAX_SHORT_MESSAGE ? `${last.slice(0, MAX_SHORT_MESSAGE)}...` : last;
}

/** Reduces paths to file names, because callers need not know where the service keeps its files. */
export function withoutDirectories(text: string): string {
  return (
    text
      // ffmpeg quotes most names. A quoted path may contain spaces.
      .replace(/(['"])(?:file:)?(?:[A-Za-z]:)?[\\/](?:(?!\1).)*[\\/]((?:(?!\1).)*)\1/g, '$1$2$1')
      .replace(/\bfile:/g, '')
      .replace(/(?<![\w/\\])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'":]+)*[\\/](?=[^\s\\/'":]+)/g, '')
  );
}
