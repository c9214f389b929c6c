/**
 * Finds and starts the gcloud SDK's Pub/Sub and Firestore emulators, and ends them with the process that started
 * them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The environment variables that point the Google clients to the emulators. */
export interface EmulatorHosts {
  PUBSUB_EMULATOR_HOST: string;
  FIRESTORE_EMULATOR_HOST: string;
}

export interface Emulators extends AsyncDisposable {
  hosts: EmulatorHosts;
}

/** Running emulators named by the environment, the SDK's programs, or the reason why there are none. */
export type FoundEmulators =
  | { hosts: EmulatorHosts }
  | { programs: { pubsub: string; firestore: string } }
  | { missing: string };

/** Both start in about two seconds; a busy machine takes longer. */
const START_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 20;
const OUTPUT_KEPT = 4_000;
/** The emulators run for minutes: optimizing their code takes more processor time than it saves. */
const JAVA_OPTIONS = '-XX:+UseSerialGC -XX:TieredStopAtLevel=1';

export function findEmulators(env: Readonly<Record<string, string | undefined>>): FoundEmulators {
  const { PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST } = env;
  if (PUBSUB_EMULATOR_HOST && FIRESTORE_EMULATOR_HOST) {
    return { hosts: { PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST } };
  }
  const gcloud = onPath('gcloud', env['PATH']);
  if (gcloud === undefined) return { missing: 'no gcloud on PATH (install the Google Cloud SDK)' };
  if (onPath('java', env['PATH']) === undefined)
    return { missing: 'no java on PATH (the emulators need Java 21, older ones 17)' };
  const platform = join(dirname(realpathSync(gcloud)), '..', 'platform');
  const programs = {
    pubsub: join(platform, 'pubsub-emulator', 'bin', 'cloud-pubsub-emulator'),
    firestore: join(platform, 'cloud-firestore-emulator', 'cloud_firestore_emulator'),
  };
  for (const [name, program] of Object.entries(programs)) {
    if (!existsSync(program)) {
      return {
        missing: `no ${name} emulator in the SDK (gcloud components install ${COMPONENTS[name as 'pubsub']})`,
      };
    }
  }
  return { programs };
}

const COMPONENTS = { pubsub: 'pubsub-emulator', firestore: 'cloud-firestore-emulator' } as const;

/** Resolves when both accept connections. They keep everything in memory and lose it when they end. */
export async function startEmulators(found: FoundEmulators): Promise<Emulators> {
  if ('missing' in found) throw new Error(`Expected the Google Cloud emulators, got ${found.missing}.`);
  if ('hosts' in found) return { hosts: found.hosts, [Symbol.asyncDispose]: async () => {} };
  await using starting = new AsyncDisposableStack();
  const [pubsub, firestore] = await Promise.all([
    start(found.programs.pubsub, starting),
    start(found.programs.firestore, starting),
  ]);
  const running = starting.move();
  return {
    hosts: { PUBSUB_EMULATOR_HOST: pubsub, FIRESTORE_EMULATOR_HOST: firestore },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A port of 127.0.0.1 that was free a moment ago: the wanted one, or any. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  server.listen(wanted, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new Error(
      `Expected port ${wanted} to be free, got one in use. Stop the program that uses it, or set PORT (0 for any free port).`,
      { cause },
    );
  }
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when the port accepts connections. Throws as soon as `unless` returns a reason. */
export async function listening(port: number, unless: () => string | undefined): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (!(await accepts(port))) {
    const reason = unless();
    if (reason !== undefined) throw new Error(reason);
    if (performance.now() > deadline)
      throw new Error(`Expected a server on port ${port} within ${START_LIMIT_MS / 1000} s, got none.`);
    await sleep(LOOK_EVERY_MS);
  }
}

async function start(program: string, stack: AsyncDisposableStack): Promise<string> {
  const port = await freePort();
  // In its own process group, so that Ctrl-C in the terminal does not end it before the functions that use it.
  const child = spawn(program, ['--host=127.0.0.1', `--port=${port}`], {
    detached: true,
    env: { ...process.env, JAVA_TOOL_OPTIONS: JAVA_OPTIONS },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let failed: Error | undefined;
  child.on('error', (error) => {
    failed = error;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-OUTPUT_KEPT);
    });
  }
  const end = () => endGroup(child);
  process.once('exit', end);
  stack.defer(async () => {
    process.off('exit', end);
    if (child.exitCode !== null || child.signalCode !== null || failed !== undefined) return;
    const exit = once(child, 'exit');
    end();
    await exit;
  });
  await listening(port, () => {
    if (failed !== undefined) return `Expected ${program} to start, got: ${failed.message}`;
    return child.exitCode === null
      ? undefined
      : `Expected ${program} to keep running, got its exit:\n${said}`;
  });
  return `127.0.0.1:${port}`;
}

/** Kills the group, because an emulator may be a script that starts Java. It has no state to save. */
function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has already ended.
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function onPath(program: string, path = ''): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
}
