/** What stands around an attack: addresses, servers, and someone with eight ordinary videos. */

import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { box, riff, u32 } from '../fixtures/media/containers.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { HostProcess } from './host-process.ts';

/** All of 127.0.0.0/8 is this machine, on Linux. Limits per address then do not apply to the others. */
export const STRANGER = process.platform === 'linux' ? '127.0.0.9' : '127.0.0.1';

export interface Server extends AsyncDisposable {
  readonly origin: string;
}

export async function serve(address: string, answer: RequestListener): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, address, resolve));
  return {
    origin: `http://${address}:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Six clips of 3 s in 540x960, and a piece of music. Each task gets other bytes, so that nothing is known already. */
export interface Ordinary extends AsyncDisposable {
  request(): { task_name: string };
}

const CLIPS = 6;
const BLOCK = 2;

export async function makeOrdinary(ffmpeg: string, dir: string): Promise<Ordinary> {
  const files = Array.from({ length: CLIPS }, (_, at) => join(dir, `clip-${at}.mp4`));
  for (const [at, file] of files.entries()) {
    const picture = `testsrc2=s=540x960:r=30,hue=h=${50 * at},noise=alls=6:allf=t`;
    const codec = ['-t', '3', '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
    const sound = ['-f', 'lavfi', '-i', `sine=f=${300 + 40 * at}`];
    await runFfmpeg(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', picture, ...sound, ...codec, '-y', file]);
  }
  const music = join(dir, 'music.wav');
  await runFfmpeg(ffmpeg, ['-v', 'error', '-f', 'lavfi', '-i', 'sine=f=200:d=6', '-y', music]);
  const bytes = await Promise.all([...files, music].map((file) => readFile(file)));
  const server = await serve('127.0.0.1', (request, response) => {
    const [, task, number] = /^\/(\d+)\/(\d)$/.exec(request.url ?? '') ?? [];
    const found = bytes[Number(number)];
    if (found === undefined) return response.writeHead(404).end();
    const unique = u32(Number(task));
    return response.end(
      Buffer.concat([found, Number(number) === CLIPS ? riff('junk', unique) : box('free', unique)]),
    );
  });
  let tasks = 0;
  return {
    request() {
      tasks += 1;
      const url = (number: number) => `${server.origin}/${tasks}/${number}`;
      const blocks = [0, 1, 2].map((block) => ({
        name: `block ${block}`,
        urls: [url(block * BLOCK), url(block * BLOCK + 1)],
      }));
      return { task_name: `ordinary ${tasks}`, video_blocks: blocks, audio_blocks: { music: [url(CLIPS)] } };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Seconds from the request to the end of its task, or what went wrong. */
export async function timeOrdinary(
  host: HostProcess,
  ordinary: Ordinary,
  limitSeconds: number,
): Promise<number | string> {
  const begun = performance.now();
  const done = host.post(ordinary.request()).then(async ({ taskId }) => {
    const lines = await host.ended(taskId);
    const finished = lines.filter(({ event }) => event === 'render.finished').length;
    return finished === BLOCK ** 3 ? (performance.now() - begun) / 1000 : `${finished} of 8 made`;
  });
  const late = sleep(limitSeconds * 1000, `not within ${Math.round(limitSeconds)} s`, { ref: false });
  // It may still end, or fail, after the row.
  return Promise.race([done.catch((error: unknown) => `failed: ${causeOf(error)}`), late]);
}

/** fetch says only that it failed. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
