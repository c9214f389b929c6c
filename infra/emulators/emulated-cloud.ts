/**
 * The functions as the cloud runs them: each in a process of its own under functions-framework, begun again when it
 * ends, with the Pub/Sub emulator pushing to them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
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
  /** Settings, and PATH. */
  env: NodeJS.ProcessEnv;
  /** Settings of one function, beside those of all. */
  own?: (name: FunctionName) => NodeJS.ProcessEnv;
  /** Of processMedia; undefined: any free one. */
  port?: number;
  /** The folder of a package with functions of its own, as they are installed in the cloud; undefined: these. */
  compiled?: string;
  /** Gets each line that a function writes; undefined: they go where our own go. */
  onLine?: (name: FunctionName, line: string) => void;
}

export interface EmulatedCloud extends AsyncDisposable {
  urls: Record<FunctionName, string>;
  /** Of the function's process at this moment; undefined while it is being begun again. */
  pid(name: FunctionName): number | undefined;
}

const ROOT = resolve(import.meta.dirname, '../..');
/** A process that cannot start must not be started a hundred times a second. */
const BEGIN_AGAIN_MS = 500;
const GRACE_MS = 5_000;
/** Google's clients ask one who they are, and wait for it. */
const NO_METADATA_SERVER = { METADATA_SERVER_DETECTION: 'none' };

/** The emulator sends no tokens: those of a .env that is meant for the cloud are not waited for. */
const NO_TOKENS = { PUSH_ACCOUNT: '', PUSH_AUDIENCE: '' };

/** Resolves when every function answers and is subscribed. */
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
  /** Why it will never listen. */
  complaint(): string | undefined;
  /** It listens: from now on it is begun again however it ends. */
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
        complaint = `Expected the function ${name} to start, got its end (${code}); what it wrote says why.`;
        return;
      }
      options.onLine?.(name, `(ended by ${signal ?? code}, begun again)`);
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

/** One process of one function, as the platform starts it. */
export function startFunction(
  name: FunctionName,
  port: number,
  options: Omit<EmulatedCloudOptions, 'impatient' | 'port'>,
): ChildProcess {
  const { hosts, projectId, env, own, compiled, onLine } = options;
  // The framework goes by the package's "main"; in TypeScript there is none.
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
      ...own?.(name),
      ...hosts,
      GOOGLE_CLOUD_PROJECT: projectId,
      ...NO_METADATA_SERVER,
      // No banner.
      NODE_ENV: 'production',
    },
    stdio: ['ignore', onLine === undefined ? 'inherit' : 'pipe', onLine === undefined ? 'inherit' : 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => onLine?.(name, line));
  }
  return child;
}

/** The framework's program, of the package in that folder. */
function frameworkOf(root: string): string {
  const entry = createRequire(join(root, 'package.json')).resolve('@google-cloud/functions-framework');
  return join(dirname(entry), 'main.js');
}
