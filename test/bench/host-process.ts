/** Runs the single-machine host like `npm start`, in a process of its own, and follows it by its log lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = resolve(import.meta.dirname, '../..');
/** Longer than any task here may take on a slow machine. */
const HANGING_MS = 600_000;
const STOPPING_MS = 30_000;

export interface LogLine {
  event: string;
  severity: string;
  /** Milliseconds since the epoch. */
  at: number;
  message: string;
  task_id?: string;
  url?: string;
}

export interface Posted {
  taskId: string;
  /** Milliseconds since the epoch, before the request was sent. */
  at: number;
  /** From sending the request to reading the whole answer. */
  answeredInMs: number;
}

export interface HostProcess extends AsyncDisposable {
  readonly pid: number;
  readonly url: string;
  readonly outputDir: string;
  post(request: unknown): Promise<Posted>;
  cancel(taskId: string): Promise<void>;
  /** The status of a task. */
  status(taskId: string): Promise<Record<string, unknown>>;
  /** Calls `heard` with each log line from now on. @returns what ends that */
  onLine(heard: (line: LogLine) => void): () => void;
  /** Waits until the task has ended, and returns its log lines. */
  ended(taskId: string): Promise<LogLine[]>;
}

export interface HostFolders {
  dataDir: string;
  outputDir: string;
}

export interface HostOptions {
  /** Folder of the checkout to start; this one by default. */
  root?: string;
  /** In place of functions/local.ts. */
  entry?: string;
  /** That differ from the defaults. */
  settings?: Readonly<Record<string, string>>;
}

/**
 * Starts the host in `folders`; resolves when it listens.
 * @param ffmpeg path of the binary, so that all measurements use the same one
 */
export async function startHostProcess(
  folders: HostFolders,
  ffmpeg: string,
  { root = ROOT, entry, settings = {} }: HostOptions = {},
): Promise<HostProcess> {
  const words = startArguments(root);
  const child = spawn(process.execPath, entry === undefined ? words : [...words.slice(0, -1), entry], {
    // Not the repository, where an .env may contain someone's settings.
    cwd: folders.outputDir,
    // A minimal environment, because a setting from the shell would change what is measured.
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATA_DIR: folders.dataDir,
      OUTPUT_DIR: folders.outputDir,
      FFMPEG_BIN: ffmpeg,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = linesOf(child);
  const started = await lines.first(({ event }) => event === 'host.started');
  const url = started.url as string;

  const ask = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      // A kept connection may be closed while the host is busy.
      headers: { 'content-type': 'application/json', connection: 'close' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (response.status === 202) return answer;
    throw new Error(`Expected ${path} to be accepted, got ${response.status}: ${JSON.stringify(answer)}`);
  };

  return {
    pid: child.pid as number,
    url,
    outputDir: folders.outputDir,
    async post(request) {
      const at = Date.now();
      const begun = performance.now();
      const answer = await ask('/process_media', request);
      return { taskId: String(answer['task_id']), at, answeredInMs: performance.now() - begun };
    },
    async cancel(taskId) {
      await ask(`/tasks/${taskId}/cancel`);
    },
    async status(taskId) {
      const response = await fetch(`${url}/tasks/${taskId}`, { headers: { connection: 'close' } });
      return (await response.json()) as Record<string, unknown>;
    },
    onLine: lines.onLine,
    async ended(taskId) {
      await lines.first((line) => line.event === 'task.completed' && line.task_id === taskId);
      return lines.all().filter((line) => line.task_id === taskId);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOPPING_MS);
      await exit;
      clearTimeout(timer);
    },
  };
}

/** The arguments that `npm start` passes to Node, including flags, so that the bench measures what users run. */
function startArguments(root: string): string[] {
  const { scripts } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const [, ...words] = scripts.start.split(' ');
  return words.map((word) => (/^\.?\w*\/.*\.c?ts$|^\.\//.test(word) ? resolve(root, word) : word));
}

interface Lines {
  all(): readonly LogLine[];
  onLine(heard: (line: LogLine) => void): () => void;
  /** The first matching line, whether already read or still to come. */
  first(wanted: (line: LogLine) => boolean): Promise<LogLine>;
}

function linesOf(child: ChildProcess): Lines {
  const lines: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  if (child.stdout === null) throw new Error('Expected the output of the host to be a pipe, got none');
  createInterface({ input: child.stdout }).on('line', (text) => {
    const fields = JSON.parse(text) as LogLine & { timestamp: string };
    // When the event happened, not when the line was read.
    const line = { ...fields, at: Date.parse(fields.timestamp) };
    lines.push(line);
    for (const check of waiting) check(line);
  });
  return {
    all: () => lines,
    onLine(heard) {
      waiting.add(heard);
      return () => waiting.delete(heard);
    },
    async first(wanted) {
      const known = lines.find(wanted);
      if (known) return known;
      const { promise, resolve: found, reject } = Promise.withResolvers<LogLine>();
      const check = (line: LogLine) => wanted(line) && found(line);
      const onExit = () => reject(new Error('Expected the host to keep running, got its exit'));
      const timer = setTimeout(() => reject(new Error('Expected a log line, got a timeout')), HANGING_MS);
      waiting.add(check);
      child.once('exit', onExit).once('error', reject);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(check);
        child.off('exit', onExit).off('error', reject);
      }
    },
  };
}
