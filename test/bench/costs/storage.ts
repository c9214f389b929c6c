/**
 * `npm run bench -- storage`: what tasks write to, read from and keep in Cloud Storage, counted in its stand-in. The functions
 * run on the emulators, each with its own disk, as on Cloud Run.
 */
import { join } from 'node:path';
import { findEmulators, startEmulators } from '../../../infra/emulators/google-emulators.ts';
import { serveFiles } from '../../../infra/media/file-server.ts';
import { startTestCloud } from '../../fixtures/hosts/emulated-cloud.ts';
import { type SeenRequest, type StorageServer, startStorageServer } from '../../fixtures/storage/server.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';
import { runFfmpeg } from '../ffmpeg-run.ts';
import { makeClips, makeMusic } from '../media.ts';
import { named } from '../request.ts';
import { markdown } from '../table.ts';

/** Two blocks of two; no clip is used twice. */
const CLIPS = 4;
const SECONDS = 2;
/** More lines than one, so that there are several soundtracks. */
const LINES = ['Spring is here.', 'Only this week.'];
const CACHE = 'artifacts';
const VIDEOS = 'videos';

const WAYS = [
  { what: 'encoded', output: { reencode: true }, last: 'alike' },
  { what: 'copied', output: undefined, last: 'alike' },
  // The others are copied before the last one shows that they must be encoded.
  { what: 'copied at first, then encoded', output: undefined, last: 'other' },
] as const;

interface Row {
  objects: number;
  bytes: number;
  writes: number;
  reads: number;
  /** Answered with an error, such as 404: free. */
  refused: number;
}

/** Tables in Markdown, or the reason why there are none. */
export async function storageTables(ffmpeg: string, progress: (what: string) => void): Promise<string> {
  const found = findEmulators(process.env);
  if ('missing' in found) return `Objects were not counted: ${found.missing}.`;
  await using emulators = await startEmulators(found);
  Object.assign(process.env, emulators.hosts, { METADATA_SERVER_DETECTION: 'none' });
  await using dir = await tempDir();
  progress('Clips and music');
  const clips = await makeClips(ffmpeg, dir.path, CLIPS, SECONDS);
  const track = await makeMusic(ffmpeg, dir.path);
  const other = await makeOther(ffmpeg, clips.at(-1) ?? '', dir.path);
  await using server = await serveFiles([...clips, other, track]);
  const tables: string[] = [];
  for (const [at, { what, output, last }] of WAYS.entries()) {
    progress(what);
    await using storage = await startStorageServer([CACHE, VIDEOS]);
    const home = join(dir.path, String(at));
    await using fleet = await startTestCloud(home, {
      env: { OUTPUT: 'gcs', OUTPUT_BUCKET: VIDEOS, CACHE_BUCKET: CACHE, GOOGLE_API_URL: storage.url },
      own: (name) => ({ DATA_DIR: join(home, name) }),
    });
    const url = (file: string) => server.url(file);
    const { task_id: id } = await fleet.post({
      task_name: what,
      video_blocks: named([
        clips.slice(0, 2).map(url),
        [clips[2] ?? '', last === 'other' ? other : (clips[3] ?? '')].map(url),
      ]),
      audio_blocks: { music: [url(track)] },
      text_to_speech: LINES.map((text) => ({ text, voice: 'Sarah' })),
      seed: 1,
      ...(output === undefined ? {} : { output }),
    });
    const { succeeded, video, video_reason: reason } = await fleet.ended(String(id));
    const head = `${CLIPS} clips of ${SECONDS} s, a track, ${LINES.length} lines, ${succeeded} videos: ${video} (${reason})`;
    tables.push(`${what}: ${head}\n\n${tableOf(storage)}`);
  }
  return tables.join('\n\n');
}

/** The same clip from another encoder, and so large that it is downloaded last. */
async function makeOther(ffmpeg: string, clip: string, dir: string): Promise<string> {
  const other = join(dir, 'other.mp4');
  const encoded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '10', '-c:a', 'copy'];
  await runFfmpeg(ffmpeg, ['-v', 'error', '-i', clip, ...encoded, '-y', other]);
  return other;
}

function tableOf(storage: StorageServer): string {
  const rows = new Map<string, Row>();
  const rowOf = (bucket: string, name: string) => {
    const kind = bucket === CACHE ? (name.split('/')[1] ?? '') : name.endsWith('.mp4') ? 'video' : 'other';
    const key = `${bucket}/${kind}`;
    const row = rows.get(key) ?? { objects: 0, bytes: 0, writes: 0, reads: 0, refused: 0 };
    rows.set(key, row);
    return row;
  };
  for (const bucket of [CACHE, VIDEOS]) {
    for (const { name, body } of storage.objects.bucket(bucket).values()) {
      const row = rowOf(bucket, name);
      row.objects += 1;
      row.bytes += body.length;
    }
  }
  for (const seen of storage.requests) {
    const kind = CLASS[seen.operation];
    if (kind === undefined) continue;
    rowOf(seen.bucket, seen.object)[seen.status < 400 ? kind : 'refused'] += 1;
  }
  const cells = [...rows].toSorted(([one], [other]) => one.localeCompare(other));
  return markdown([
    ['objects', 'kept', 'MB', 'writes', 'reads', 'refused'],
    ...cells.map(([name, { objects, bytes, writes, reads, refused }]) =>
      [name, objects, (bytes / 1e6).toFixed(3), writes, reads, refused].map(String),
    ),
  ]);
}

/** A resumable upload is one write, however many requests send its bytes. Lists cost as writes do. */
const CLASS: Partial<Record<SeenRequest['operation'], 'writes' | 'reads'>> = {
  upload: 'writes',
  start: 'writes',
  list: 'writes',
  media: 'reads',
  metadata: 'reads',
};
