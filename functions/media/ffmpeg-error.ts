/** Turns failures of ffmpeg into messages that are fit for a report, without local paths or memory addresses. */
import type { PermanentCode } from '../base/codes.ts';
import { PermanentError, type Stage, TransientError } from '../base/errors.ts';
import type { RunLimits } from './limits.ts';

/** Enough for a line in a report. `stderr` has all of it. */
const MAX_SHORT_MESSAGE = 300;
/** A line in which the reason is looked for. Longer ones repeat what the file says. */
const LONGEST_WORDS = 1_000;
/** Lines that end every failure. The line before them says why. */
const CLOSING_LINES =
  /^(Statistics: .*|(Input|Output) (file|stream) #.*|Total: .*|All streams finished|frame=\s.*|Conversion failed!|Exiting (normally|with exit code).*|Error (opening (in|out)put file|parsing global options).*|At least one output file must be specified|Last message repeated \d+ times|Summary:|Qavg: .*|video:\S+ audio:.*)$/;

/** What ffmpeg says of its own workings once something has failed. The line before them says why. */
const INNER_LINES =
  /^(Output file is empty, nothing was encoded.*|No more output streams to write to, finishing\.?|Error marking filters as finished|Reinit context to .*|\d+ frames? in, \d+ frames? out.*|Error while processing the decoded data for stream .*|Error while decoding stream #.*|Error submitting .*to (the )?decoder.*|Decoding error: .*|Decode error rate .*|Cannot determine format of input .*|Nothing was written into output file.*|(Task finished|Terminating thread) with .*|(En|De)coder (thread )?(received|returned) EOF.*|Could not open encoder before EOF|size=\s.*)$/;

/** ffmpeg crashed on its input, and would crash again in another try. */
const CRASHES: readonly NodeJS.Signals[] = ['SIGSEGV', 'SIGABRT', 'SIGFPE', 'SIGILL', 'SIGBUS', 'SIGSYS'];
/** What to do when a limit was exceeded. */
const HINTS: Record<Exceeded, string> = {
  time: 'Send a shorter or smaller file, or give the service more CPU.',
  memory: 'Send a file with a smaller picture, or give the service more memory.',
  output: 'Send a shorter or simpler file.',
};
/** Starting a thread needs memory too, and with our settings libx264 refuses to open for no other reason. */
const OUT_OF_MEMORY =
  /(Cannot allocate memory|Out of memory|malloc of size \d+ failed|pthread_create\(\) failed|Error while opening encoder)/i;
const DISK_FULL = /: No space left on device\.?$/;
/** At the beginning of a file, or at its end: builds before 6.1 then exit with 0. */
const NOT_WRITTEN =
  /^(?:Error (?:writing trailer of|closing file)|Could not write header for output file) .*: No space left on device\.?$/m;
/** How ffmpeg exits after a signal to stop (fftools/ffmpeg.c). It says so only at log level info. */
const STOPPED_BY_SIGNAL = 255;
/** Since 6.1 ffmpeg exits with 256 minus the number of the error; older builds always with 1. */
const EXIT_DISK_FULL = 256 - 28;
const EXIT_OUT_OF_MEMORY = 256 - 12;
const EXIT_OLD = 1;
/** How many of the last lines can say why a run failed. Earlier lines may repeat what the file says. */
const LAST_WORDS = 12;
/** The same once ffmpeg has begun to work: it repeats nothing of the file any more, but a decoder may say a lot. */
const LAST_WORDS_AT_WORK = 200;
const AT_WORK = '\nStream mapping:\n';
const NO_MESSAGE = 'no message';
/** How a run at log level verbose ends, unless builds before 6.1 give up, and how it begins to work. */
const NOTHING_DECODED =
  /Input stream #0:(\d+) \(\w+\): [1-9]\d* packets read [^;\n]*; 0 frames decoded|Cannot determine format of input (?:stream )?0:(\d+) after EOF/;
const DECODED_WITH = /^ {2}Stream #0:(\d+) \(([\w-]+)\) -> /gm;
/** Decoders that are named otherwise than their codec. */
const CODECS: Readonly<Record<string, string>> = {
  ...{ libdav1d: 'av1', 'libaom-av1': 'av1', libvpx: 'vp8', 'libvpx-vp9': 'vp9', dca: 'dts' },
  ...{ mp1float: 'mp1', mp2float: 'mp2', mp3float: 'mp3', libopus: 'opus', libvorbis: 'vorbis' },
};

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

/**
 * The error for a run that failed, or that something other than this service ended. The class follows from how it ended
 * and from its last words, because a file can make ffmpeg print almost anything before.
 */
export function exitError(
  exitCode: number | null,
  killedBy: NodeJS.Signals | null,
  stderr: string,
  { memoryMb, fileMb }: Pick<RunLimits, 'memoryMb' | 'fileMb'>,
): FfmpegError | TransientError {
  const failed = (shortMessage: string, exceeded: Exceeded | null = null) =>
    new FfmpegError({ exitCode, signal: killedBy, exceeded, stderr, shortMessage });
  const words = lastWords(stderr);
  const writes = fileMb > 0;
  if (
    writes &&
    (exitCode === EXIT_DISK_FULL || (exitCode === EXIT_OLD && DISK_FULL.test(words.at(-1) ?? '')))
  ) {
    return diskFull();
  }
  if (killedBy === 'SIGXFSZ') return failed(`a file larger than ${fileMb} MB`, 'output');
  if (exitCode === EXIT_OUT_OF_MEMORY || spokenAtWork(stderr).some((line) => OUT_OF_MEMORY.test(line))) {
    return failed(`memory use above ${memoryMb} MB`, 'memory');
  }
  const stopped =
    exitCode === STOPPED_BY_SIGNAL && !words.some((line) => /Operation not permitted/.test(line));
  if (stopped || (killedBy !== null && !CRASHES.includes(killedBy))) {
    const by = killedBy ?? 'a signal';
    return new TransientError('ffmpeg_killed', `Expected ffmpeg to finish, got it stopped by ${by}.`);
  }
  return failed(killedBy === null ? reason(stderr) : `a crash of ffmpeg (${killedBy})`);
}

export function saysDiskFull(stderr: string): boolean {
  return NOT_WRITTEN.test(stderr);
}

export function diskFull(cause?: unknown): TransientError {
  return new TransientError('disk_full', 'Expected room on the disk, got none left.', { cause });
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
  const last = withoutDirectories(lastWords(stderr).at(-1) ?? NO_MESSAGE).replace(/[.\s]{1,100}$/, '');
  return last.length > MAX_SHORT_MESSAGE ? `${last.slice(0, MAX_SHORT_MESSAGE)}...` : last;
}

/** Names the codec if its decoder gave nothing, with the decoder's last words if it said any. */
function reason(stderr: string): string {
  const work = stderr.slice(stderr.lastIndexOf(AT_WORK) + 1);
  const [, read, ended] = NOTHING_DECODED.exec(work) ?? [];
  const stream = read ?? ended;
  const decoder = [...work.matchAll(DECODED_WITH)].find(([, at]) => at === stream)?.[2];
  if (stream === undefined || decoder === undefined) return lastMessage(stderr);
  const said = lastMessage(
    work
      .split(/[\r\n]/)
      .filter((line) => line.includes(`[${decoder} @ `))
      .join('\n'),
  );
  const undecoded = `its ${CODECS[decoder] ?? decoder} could not be decoded`;
  return said === NO_MESSAGE ? undecoded : `${undecoded} (${said})`;
}

/** Texts of the file are printed before the heading. The last heading is ffmpeg's own; without it, nothing is sure. */
function spokenAtWork(stderr: string): string[] {
  const begin = stderr.lastIndexOf(AT_WORK);
  return begin < 0 ? [] : lastWords(stderr.slice(begin + AT_WORK.length), LAST_WORDS_AT_WORK);
}

/** The last lines that give a reason, without "[name @ 0x...]". */
function lastWords(stderr: string, most = LAST_WORDS): string[] {
  const words: string[] = [];
  const lines = stderr.split(/[\r\n]/);
  while (lines.length > 0 && words.length < most) {
    const line = (lines.pop() as string).slice(0, LONGEST_WORDS);
    // Indented lines are measurements of a filter, and the file's own metadata.
    if (/^\s/.test(line)) continue;
    const plain = line.replace(/^(\[[^\]]*\] ){1,5}/, '').trim();
    if (plain !== '' && !CLOSING_LINES.test(plain) && !INNER_LINES.test(plain)) words.unshift(plain);
  }
  return words;
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
