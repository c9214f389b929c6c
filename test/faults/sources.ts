import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPicture, readSound } from '../../functions/media/mp4/tracks.ts';
import { writeMovie } from '../../functions/media/mp4/write-movie.ts';
import { samplesOf } from '../../functions/model/frame-rate.ts';
import { ffmpeg, makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { type Receiver, startReceiver } from '../fixtures/network/receiver.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

/** Half a second each, because the encoder is not what is tested here. */
const FRAMES = 15;
const RATE = { num: 30, den: 1 };

export interface Sources extends AsyncDisposable {
  server: SourceServer;
  /** URLs of three clips and a track. */
  clips: [string, string, string];
  track: string;
  /** Takes the events of all tasks. */
  receiver: Receiver;
  /** Refuses the first delivery of each event. */
  reluctant: Receiver;
  /** Path of a finished video. */
  video: string;
  /** Folder for Node's compile cache. */
  codeCache: string;
}

/** Makes the sources once, and serves them to every process of the run. */
export async function startSources(): Promise<Sources> {
  await using starting = new AsyncDisposableStack();
  const dir = starting.use(await tempDir());
  const colours = ['red', 'green', 'blue'] as const;
  const files: [string, string][] = [];
  for (const colour of colours) {
    const file = join(dir.path, `${colour}.mp4`);
    files.push([`/${colour}.mp4`, await makeClip(file, { colour, frames: FRAMES })]);
  }
  files.push(['/song.mp3', await makeTrack(join(dir.path, 'song.mp3'), 1)]);
  const bodies = await Promise.all(
    files.map(async ([path, file]) => [path, { body: await readFile(file), etag: `"${path}"` }] as const),
  );
  const video = await makeVideo(dir.path, join(dir.path, 'red.mp4'));
  const server = starting.use(await startSourceServer(Object.fromEntries(bodies)));
  const receiver = starting.use(await startReceiver());
  const reluctant = starting.use(await startReceiver((_, earlier) => (earlier === 0 ? 500 : 200)));
  const disposables = starting.move();
  return {
    server,
    clips: [server.url('/red.mp4'), server.url('/green.mp4'), server.url('/blue.mp4')],
    track: server.url('/song.mp3'),
    receiver,
    reluctant,
    video,
    codeCache: process.env['NODE_COMPILE_CACHE'] ?? join(dir.path, 'code'),
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

/** As a render would have made it of that clip. */
async function makeVideo(dir: string, clip: string): Promise<string> {
  const [picture, sound, video] = ['picture', 'sound', 'video'].map((name) => join(dir, `${name}.mp4`)) as [
    string,
    string,
    string,
  ];
  await ffmpeg('-i', clip, '-an', '-c', 'copy', picture);
  const samples = samplesOf(FRAMES, RATE);
  await ffmpeg(
    '-i',
    clip,
    '-vn',
    '-ar',
    '48000',
    '-ac',
    '2',
    '-af',
    `aresample=48000,apad,atrim=end_sample=${samples}`,
    sound,
  );
  const movie = { clips: [await readPicture(picture)], sound: await readSound(sound) };
  const { signal } = new AbortController();
  await writeMovie({ ...movie, rate: RATE, editLists: false }, video, { signal });
  return video;
}
