/**
 * Runs the functions as the cloud does: each in its own process under functions-framework, restarted when it ends, with
 * the Pub/Sub emulator pushing to them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { FUNCTION_NAMES, type FunctionName } from '../../functions/hosts/cloud.ts';
import { type EmulatorHosts, freePort, listening } from './google-emulators.ts';
import { type ProvisionOptions, provision } from './provision.ts';

export interface EmulatedCloudOptions extends Pick<ProvisionOptions, 'impatient'> {
  hosts: EmulatorHosts;
  projectId: string;
  /** The settings, and PATH. */
  env: NodeJS.ProcessEnv;
  /** Additional settings of one function. */
  own?: (name: FunctionName) => NodeJS.ProcessEnv;
  /** The port of processMedia; undefined for any free port. */
  port?: number;
  /** Folder of a compiled package, as it is installed in the cloud; undefined for the source tree. */
  compiled?: string;
  /** Receives each line that a function writes; undefined to inherit this process's output. */
  onLine?: (name: FunctionName, line: string) => void;
}

export interface EmulatedCloud extends AsyncDisposable {
  urls: Record<FunctionName, string>;
  /** The function's current process; undefined while it restarts. */
  pid(name: FunctionName): number | undefined;
}

const ROOT = resolve(import.meta.dirname, '../..');
/** Keeps a process that fails at start-up from being restarted in a tight loop. */
const BEGIN_AGAIN_MS = 500;
const GRACE_MS = 5_000;
/** Google's clients otherwise look for a metadata server and wait for it. */
const NO_METADATA_SERVER = { METADATA_SERVER_DETECTION: 'none' };

/** Tasks are lost with the emulators, so the key is as well. */
export const SIGNING_KEY: string = randomBytes(32).toString('base64url');

/** The emulator sends no tokens, so token checks are switched off even if a .env meant for the cloud sets them. */
const NO_TOKENS = { PUSH_ACCOUNT: '', PUSH_AUDIENCE: '' };

/** Resolves when every function listens and is subscribed. */
export async function startEmulatedCloud(options: EmulatedCloudOptions): Promise<EmulatedCloud> {
  await using starting = new AsyncDisposableStack();
  const ports = new Map<FunctionName, number>();
  for (const name of FUNCTION_NAMES) {
    ports.set(name, await freePort(name === 'processMedia' ? options.port : undefined));
  }
  const running = new Map<FunctionName, Kept>();
  for (const [name, port] of ports) running.set(name, starting.use(keepRunning(name, port, options)));
  await Promise.all(
    [...running].map(async ([name, kept]) => {
      await listening(ports.get(name) as number, kept.complaint);
      kept.started();
    }),
  );

  const urls = Object.fromEntries([...ports].map(([name, port]) => [name, `http://127.0.0.1:${port}`]));
  Object.assign(process.env, options.hosts, NO_METADATA_SERVER);
  await provision({ ...options, urls });
  const disposables = starting.move();
  return {
    urls: urls as Record<FunctionName, string>,
    pid: (name) => running.get(name)?.pid(),
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

interface Kept extends AsyncDisposable {
  pid(): number | undefined;
  /** Why the function could not start; undefined otherwise. */
  complaint(): string | undefined;
  /** Call when it listens: from then on it is restarted however it ends. */
  started(): void;
}

function keepRunning(name: FunctionName, port: number, options: EmulatedCloudOptions): Kept {
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  let started = false;
  let complaint: string | undefined;

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      child = startFunction(name, port, options);
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      child = undefined;
      if (stopping.signal.aborted) return;
      if (!started && code !== null) {
        complaint = `Expected the function ${name} to start, got exit code ${code}. Its output says why.`;
        return;
      }
      options.onLine?.(name, `(ended by ${signal ?? code}, restarting)`);
      await sleep(BEGIN_AGAIN_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const ended = run();
  return {
    pid: () => child?.pid,
    complaint: () => complaint,
    started: () => {
      started = true;
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      const last = child;
      last?.kill('SIGTERM');
      const insist = setTimeout(() => last?.kill('SIGKILL'), GRACE_MS);
      await ended;
      clearTimeout(insist);
    },
  };
}

/** Starts one function's process as the platform does. */
export function startFunction(
  name: FunctionName,
  port: number,
  options: Omit<EmulatedCloudOptions, 'impatient' | 'port'>,
): ChildProcess {
  const { hosts, projectId, env, own, compiled, onLine } = options;
  // The framework would load the package's "main", which exists only once compiled.
  const source = compiled ?? join(ROOT, 'functions', 'index.ts');
  const args = [
    ...[
      '--require',
      join(ROOT, 'infra', 'build', 'check-node.cjs'),
      '--require',
      join(ROOT, 'infra', 'emulators', 'loopback.cjs'),
    ],
    ...[frameworkOf(compiled ?? ROOT), `--target=${name}`, `--source=${source}`, `--port=${port}`],
  ];
  const child = spawn(process.execPath, args, {
    env: {
      ...env,
      ...NO_TOKENS,
      // As in the cloud, prepare has no key.
      SIGNING_KEY: name === 'prepare' ? '' : SIGNING_KEY,
      ...hosts,
      ...own?.(name),
      GOOGLE_CLOUD_PROJECT: projectId,
      ...NO_METADATA_SERVER,
      // Suppresses the framework's banner.
      NODE_ENV: 'production',
    },
    stdio: ['ignore', onLine === undefined ? 'inherit' : 'pipe', onLine === undefined ? 'inherit' : 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => onLine?.(name, line));
  }
  return child;
}

/** The functions-framework program that the package in `root` depends on. */
function frameworkOf(root: string): string {
  const entry = createRequire(join(root, 'package.json')).resolve('@google-cloud/functions-framework');
  return join(dirname(entry), 'main.js');
}
