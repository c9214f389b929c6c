/** Starts one attack of any kind, and tells how it ended. */
import { readFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { box, u32 } from '../fixtures/media/containers.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { HostProcess } from './host-process.ts';
import type { Kind } from './hostile-kinds.ts';
import { STRANGER, serve } from './hostile-stage.ts';

export interface Hog extends AsyncDisposable {
  /** Resolves at the end of the attack with the answer of the host. */
  run(host: HostProcess, signal: AbortSignal): Promise<string>;
}

/** Enough of the first message for a cell of the table. */
const MOST_MESSAGE = 110;

/** Makes the files now, so that they are ready before the host starts. */
export async function hogOf(kind: Kind, ffmpeg: string, dir: string): Promise<Hog> {
  if ('attack' in kind) {
    return {
      run: (host, signal) => kind.attack(new URL(host.url), signal),
      async [Symbol.asyncDispose]() {},
    };
  }
  if ('drips' in kind) {
    return hogTask(drip(kind.everyMs, kind.bytes), (origin) => ({ clips: urls(origin, 0, kind.drips) }));
  }
  const tracks = await Promise.all((kind.tracks ?? []).map((make) => make(ffmpeg, dir)));
  // Each track needs a video that uses it.
  const clips =
    kind.clips === undefined
      ? await tinyClips(ffmpeg, dir, tracks.length)
      : await Promise.all(kind.clips.map((make) => make(ffmpeg, dir)));
  const files = [...clips, ...tracks];
  return hogTask(
    (request, response) => response.end(files[Number(request.url?.slice(1))]),
    (origin) => ({
      clips: urls(origin, 0, clips.length),
      tracks: urls(origin, clips.length, tracks.length),
      output: kind.output,
    }),
  );
}

function urls(origin: string, from: number, many: number): string[] {
  return Array.from({ length: many }, (_, at) => `${origin}/${from + at}`);
}

async function hogTask(
  answer: RequestListener,
  wanted: (origin: string) => { clips: string[]; tracks?: string[]; output?: object | undefined },
): Promise<Hog> {
  const server = await serve(STRANGER, answer);
  const { clips, tracks = [], output } = wanted(server.origin);
  const request = {
    ...{ task_name: 'hog', video_blocks: { hog: clips } },
    ...(tracks.length === 0 ? {} : { audio_blocks: { music: tracks } }),
    ...(output === undefined ? {} : { output }),
  };
  return {
    run: (host) => outcome(host, request),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function tinyClips(ffmpeg: string, dir: string, many: number): Promise<Buffer[]> {
  const file = join(dir, 'tiny.mp4');
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=30:d=0.5', '-pix_fmt', 'yuv420p'];
  await runFfmpeg(ffmpeg, ['-v', 'error', ...picture, '-y', file]);
  const bytes = await readFile(file);
  return Array.from({ length: many }, (_, at) => Buffer.concat([bytes, box('free', u32(at))]));
}

/** A host that sends a byte now and then, and never ends. */
function drip(everyMs: number, bytes: number): RequestListener {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4' });
    response.write('A');
    const timer = setInterval(() => response.write(Buffer.alloc(bytes, 'A')), everyMs);
    response.once('close', () => clearInterval(timer));
  };
}

/** How many videos of the task ended with which code, and the first message. */
async function outcome(host: HostProcess, request: { task_name: string }): Promise<string> {
  try {
    const { taskId } = await host.post(request);
    await host.ended(taskId);
    const answer = await fetch(`${host.url}/tasks/${taskId}/renders?limit=100`, {
      headers: { connection: 'close' },
    });
    const { renders } = (await answer.json()) as {
      renders: { error: { code: string; message: string } | null }[];
    };
    const codes = Map.groupBy(renders, ({ error }) => error?.code ?? 'made');
    const message = renders.find(({ error }) => error !== null)?.error?.message ?? '';
    const counts = [...codes].map(([code, { length }]) => `${length} ${code}`).join(', ');
    return `${counts}${message === '' ? '' : ` (${message.slice(0, MOST_MESSAGE)})`}`;
  } catch (error) {
    return String(error instanceof Error ? error.message : error).slice(0, MOST_MESSAGE);
  }
}
