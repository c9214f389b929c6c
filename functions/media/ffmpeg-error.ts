/** What went wrong in ffmpeg, in words that are fit for a report: no local paths, no addresses in memory. */
import type { PermanentCode } from '../base/codes.ts';
import { PermanentError, type Stage, TransientError } from '../base/errors.ts';
import type { RunLimits } from './limits.ts';

/** Enough for a line in a report; the whole of it is in `stderr`. */
const MAX_SHORT_MESSAGE = 300;
/** Said at the end of every failure; the line before says why. */
const EMPTY_WORDS =
  /^(Conversion failed!|Exiting (normally|with exit code).*|Error (opening (in|out)put file|parsing global options).*|At least one output file must be specified|Last message repeated \d+ times|Summary:|Qavg: .*|video:\S+ audio:.*)$/;

/** The program itself broke, over what it was given: another try ends the same way. */
const CRASHES: readonly NodeJS.Signals[] = ['SIGSEGV', 'SIGABRT', 'SIGFPE', 'SIGILL', 'SIGBUS', 'SIGSYS'];
/** What helps where a limit was met. */
const HINTS: Record<Exceeded, string> = {
  time: 'Send a shorter or smaller file, or give the service more CPU.',
  memory: 'Send a file with a smaller picture, or give the service more memory.',
  output: 'Send a shorter or simpler file.',
};
/**
 * A thread needs memory, too, and libx264, whose settings are ours, refuses to open for no other reason. Indented lines
 * are the file's own metadata.
 */
const OUT_OF_MEMORY =
  /^\S.*(Cannot allocate memory|Out of memory|malloc of size \d+ failed|pthread_create\(\) failed|Error while opening encoder)/im;
/** How ffmpeg ends when it is told to (fftools/ffmpeg.c); it says so only at log level info. */
const TOLD_TO_END = 255;

/** The limit that a run came to. */
export type Exceeded = 'time' | 'memory' | 'output';

export interface FfmpegErrorFields {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  exceeded: Exceeded | null;
  /** Its beginning and its end, where there was much of it. May contain local paths: for logs only. */
  stderr: string;
  shortMessage: string;
}

/** ffmpeg ran and did not succeed. */
export class FfmpegError extends Error {
  override readonly name = 'FfmpegError';
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly exceeded: Exceeded | null;
  readonly stderr: string;
  /** Last telling line of stderr, without directories: may be shown to callers. */
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

/** What an end other than success, not of our doing, means. */
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
  if (killedBy === 'SIGXFSZ') return failed(`a file of more than ${fileMb} MB`, 'output');
  if (OUT_OF_MEMORY.test(stderr)) return failed(`a need for more than ${memoryMb} MB of memory`, 'memory');
  const told = exitCode === TOLD_TO_END && !/Operation not permitted/.test(stderr);
  if (told || (killedBy !== null && !CRASHES.includes(killedBy))) {
    const by = killedBy ?? 'a signal';
    return new TransientError('ffmpeg_killed', `Expected ffmpeg to end by itself, got it ended by ${by}.`);
  }
  return failed(killedBy === null ? lastWords(stderr) : `a crash of ffmpeg (${killedBy})`);
}

/** A failure of ffmpeg as a permanent error that says what was expected; any other error as it is. */
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

/** The last line that says why, without "[name @ 0x...]" and without directories. */
export function lastWords(stderr: string): string {
  const lines = stderr
    .split(/[\r\n]+/)
    // What a meter measured before, and the file's own metadata.
    .filter((line) => !/^\s/.test(line))
    .map((line) => line.replace(/^(\[[^\]]*\] )+/, '').trim())
    .filter((line) => line !== '' && !EMPTY_WORDS.test(line));
  const last = withoutDirectories(lines.at(-1) ?? 'no message').replace(/[.\s]+$/, '');
  return last.length > MAX_SHORT_MESSAGE ? `${last.slice(0, MAX_SHORT_MESSAGE)}...` : last;
}

/** Paths reduced to the name of the file: where the service keeps its files is nobody's business. */
export function withoutDirectories(text: string): string {
  return (
    text
      // ffmpeg quotes most names; within quotes a path may have blanks.
      .replace(/(['"])(?:file:)?(?:[A-Za-z]:)?[\\/](?:(?!\1).)*[\\/]((?:(?!\1).)*)\1/g, '$1$2$1')
      .replace(/\bfile:/g, '')
      .replace(/(?<![\w/\\])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'":]+)*[\\/](?=[^\s\\/'":]+)/g, '')
  );
}
