/** What several formats cost: every combination with each of two lines, in one format and in three, from nothing prepared. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveFiles } from '../../infra/media/file-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { startHostProcess } from './host-process.ts';
import { makeMedia, mediaOf } from './media.ts';
import { meterProcessor } from './process-tree.ts';
import { type BenchRequest, benchRequest } from './request.ts';
import { markdown } from './table.ts';

const FORMATS = ['9x16', '1x1', '16x9'];
const SETTLING_MS = 500;

/** Each kind of artifact has a file that no other has. */
const FILES = { encoded: 'video.mp4', spoken: 'spoken', soundtracks: 'soundtrack.m4a' } as const;

/** @param folder of clips and music; undefined: they are made */
export async function formatsTable(
  ffmpeg: string,
  folder: string | undefined,
  progress: (what: string) => void,
): Promise<string> {
  await using dir = await tempDir();
  await mkdir(join(dir.path, 'media'));
  progress('Clips and music');
  const media = await (folder === undefined ? makeMedia(ffmpeg, join(dir.path, 'media')) : mediaOf(folder));
  const rows: string[][] = [
    [
      'formats',
      'videos',
      'downloads',
      'clips made',
      'lines spoken',
      'soundtracks',
      'seconds',
      'processor seconds',
    ],
  ];
  for (const formats of [FORMATS.slice(0, 1), FORMATS]) {
    await using server = await serveFiles([...media.clips, ...media.tracks]);
    // Encoded even if they could be copied, as that is the way that all clips can go.
    const output = { formats, fps: 30, reencode: true };
    const request: BenchRequest = { ...benchRequest(media, server), output, selection: { lines: 'each' } };
    progress(`${formats.join(', ')}`);
    const [dataDir, outputDir] = ['data', 'output'].map((name) => join(dir.path, name)) as [string, string];
    for (const path of [dataDir, outputDir]) await mkdir(path);
    await using host = await startHostProcess({ dataDir, outputDir }, ffmpeg);
    using meter = meterProcessor(host.pid);
    const { taskId, at } = await host.post(request);
    const lines = await host.ended(taskId);
    const seconds =
      ((lines.findLast(({ event }) => event === 'task.completed')?.at ?? Number.NaN) - at) / 1000;
    await sleep(SETTLING_MS);
    const { combinations, succeeded } = await host.status(taskId);
    if (combinations !== succeeded) throw new Error(`Expected ${combinations} videos, got ${succeeded}`);
    const made = await artifactFiles(dataDir);
    const count = (file: string) => made.filter((name) => name.startsWith(file)).length;
    rows.push(
      [
        ...[formats.join(', '), succeeded, server.sent(), count(FILES.encoded), count(FILES.spoken)],
        ...[count(FILES.soundtracks), seconds.toFixed(1), meter.seconds().toFixed(1)],
      ].map(String),
    );
    await host[Symbol.asyncDispose]();
    for (const path of [dataDir, outputDir]) await rm(path, { recursive: true });
  }
  return `${media.about}\n\n${markdown(rows)}\n`;
}

async function artifactFiles(dataDir: string): Promise<string[]> {
  const entries = await readdir(join(dataDir, 'artifacts'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}
