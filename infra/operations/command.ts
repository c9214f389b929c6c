/** What the scripts for operators share: their settings, their errors and how they end. */
import { type Config, loadConfig, readEnvironment } from '../../functions/config/config.ts';

/** The exit code that shells use for a program ended by Ctrl-C. */
const INTERRUPTED = 130;

/** Whoever may call the service decides whether it needs a key for them. These scripts listen nowhere. */
const UNREACHABLE = {
  HOST: '127.0.0.1',
  PUBLIC_URL: undefined,
  PUBLIC_API: undefined,
  TRUSTED_PROXIES: undefined,
};

/** The settings of the service. */
export function settings(): Config {
  return loadConfig({ ...readEnvironment(), ...UNREACHABLE });
}

/** Runs a script. An error is one message and exit code 1; Ctrl-C and SIGTERM fire the signal. */
export async function command(run: (args: string[], signal: AbortSignal) => Promise<void>): Promise<void> {
  // The reader may end first (`npm run back-up -- FOLDER | head`). The work must not end with it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  try {
    await run(process.argv.slice(2), stop.signal);
  } catch (error) {
    const shown = stop.signal.aborted ? 'Stopped.' : error instanceof Error ? error.message : error;
    process.stderr.write(`${shown}\n`);
    process.exitCode = stop.signal.aborted ? INTERRUPTED : 1;
  }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
