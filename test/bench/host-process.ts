/** The single-machine host as `npm start` runs it: a process of its own, told by its log lines. */
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
  /** From sending the request to having read the answer. */
  answeredInMs: number;
}

export interface HostProcess extends AsyncDisposable {
  readonly pid: number;
  readonly outputDir: string;
  post(request: unknown): Promise<Posted>;
  cancel(taskId: string): Promise<void>;
  /** The log lines of a task that has ended; waits for its end. */
  ended(taskId: string): Promise<LogLine[]>;
}

export interface HostFolders {
  dataDir: string;
  outputDir: string;
}

/**
 * Starts the host in `folders`; resolves when it listens.
 * @param ffmpeg path of the binary, so that it is the one that everything else is compared with
 */
export async function startHostProcess(folders: HostFolders, ffmpeg: string): Promise<HostProcess> {
  const child = spawn(process.execPath, startArguments(), {
    // Not the repository: an .env there is somebody's settings.
    cwd: folders.outputDir,
    // Nothing of ours: a variable in the shell that happens to be a setting would change what is measured.
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATA_DIR: folders.dataDir,
      OUTPUT_DIR: folders.outputDir,
      FFMPEG_BIN: ffmpeg,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = linesOf(child);
  const started = await lines.first(({ event }) => event === 'host.started');
  const url = started.url as string;

  const ask = async (path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (response.status === 202) return answer;
    throw new Error(`Expected ${path} to be accepted, got ${response.status}: ${JSON.stringify(answer)}`);
  };

  return {
    pid: child.pid as number,
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
    async ended(taskId) {
      await lines.first((line) => line.event === 'task.completed' && line.task_id === taskId);
      return lines.all().filter((line) => line.task_id === taskId);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const insist = setTimeout(() => child.kill('SIGKILL'), STOPPING_MS);
      await exit;
      clearTimeout(insist);
    },
  };
}

/** What `npm start` gives to Node, flags and all: what is measured is what people run. */
function startArguments(): string[] {
  const { scripts } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const [, ...words] = scripts.start.split(' ');
  return words.map((word) => (/^\.?\w*\/.*\.c?ts$|^\.\//.test(word) ? resolve(ROOT, word) : word));
}

interface Lines {
  all(): readonly LogLine[];
  /** The first such line, be it there already or still to come. */
  first(wanted: (line: LogLine) => boolean): Promise<LogLine>;
}

function linesOf(child: ChildProcess): Lines {
  const lines: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  if (child.stdout === null) throw new Error('Expected the output of the host to be a pipe, got none');
  createInterface({ input: child.stdout }).on('line', (text) => {
    const fields = JSON.parse(text) as LogLine & { timestamp: string };
    // The time of the event itself, not of its reading.
    const line = { ...fields, at: Date.parse(fields.timestamp) };
    lines.push(line);
    for (const look of waiting) look(line);
  });
  return {
    all: () => lines,
    async first(wanted) {
      const there = lines.find(wanted);
      if (there) return there;
      const { promise, resolve: found, reject } = Promise.withResolvers<LogLine>();
      const look = (line: LogLine) => wanted(line) && found(line);
      const gone = () => reject(new Error('Expected the host to go on, got its end'));
      const late = setTimeout(() => reject(new Error('Expected a log line, got none in time')), HANGING_MS);
      waiting.add(look);
      child.once('exit', gone).once('error', reject);
      try {
        return await promise;
      } finally {
        clearTimeout(late);
        waiting.delete(look);
        child.off('exit', gone).off('error', reject);
      }
    },
  };
}
