/**
 * npm run make -- FOLDER: makes every combination of the clips in a folder, with a service that runs or one in this process.
 * Results go to standard output, everything else to standard error.
 */
import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import { readEnvironment } from '../../functions/config/config.ts';
import { runCommand, type Stop } from './make-videos.ts';

/** The exit code that shells use for a program ended by Ctrl-C. */
const INTERRUPTED = 130;
/** One Ctrl-C may arrive twice: from the terminal, and forwarded by npm. */
const ECHO_MS = 1_000;
/** Most of a stop is waiting for children to end. */
const STOP_LIMIT_MS = 10_000;

/**
 * Runs the command and sets the exit code of the process.
 * @param command how people call this program
 */
export async function main(command: string): Promise<void> {
  // The reader may end first (`npm run make -- clips | head`). The work must not end with it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const { stop, interrupted } = watchSignals();
  const code = await runCommand(process.argv.slice(2), {
    command,
    readEnv: readEnvironment,
    print: (text) => process.stdout.write(`${safe(text)}\n`),
    say,
    stream: process.stderr,
    stop,
    isTerminal: process.stdout.isTTY === true,
  });
  // A service that is about to start would go on; what it leaves, the next one puts in order.
  if (code !== 0 && interrupted()) process.exit(INTERRUPTED);
  process.exitCode = code;
}

/** The first signal stops in order, a second one at once. */
function watchSignals(): { stop: Stop; interrupted: () => boolean } {
  const controller = new AbortController();
  let askedAt: number | undefined;
  let left = 'Nothing was started.';
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (askedAt !== undefined) {
        if (performance.now() - askedAt > ECHO_MS) process.exit(INTERRUPTED);
        return;
      }
      askedAt = performance.now();
      const stopped = `Stopped. ${left}`;
      setTimeout(() => {
        say(stopped);
        process.exit(INTERRUPTED);
      }, STOP_LIMIT_MS).unref();
      controller.abort(new Error(stopped));
    });
  }
  const stop: Stop = {
    signal: controller.signal,
    leaves(what) {
      left = what;
    },
    because: (error) => controller.abort(error),
  };
  return { stop, interrupted: () => askedAt !== undefined };
}

function say(text: string): void {
  process.stderr.write(`${safe(text)}\n`);
}

/** Names and errors come from others: none of them may command the terminal. */
function safe(text: string): string {
  return text.split('\n').map(escapeHidden).join('\n');
}

if (import.meta.main) await main('npm run make --');
