/** Says what a file has in place of a film or photo. Runs only for clips that fail. */
import { randomUUID } from 'node:crypto';
import { PermanentError } from '../base/errors.ts';
import { encryptedStreams, isScrambled } from './encryption.ts';
import { list, probeArguments } from './examine.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { isUndecodable, type Refused, UNENCRYPTED, undecodable } from './file-kind.ts';
import { type NamedStream, readStreams } from './named-streams.ts';

/** The error for a clip in which `probe` found no picture. */
export async function noVideo(ffmpeg: Ffmpeg, file: string, signal: AbortSignal): Promise<PermanentError> {
  const { is, next } = await insteadOfVideo(ffmpeg, file, signal);
  return new PermanentError('no_video', 'conform', `Expected a clip with a picture, got ${is}. ${next}`);
}

const AS_TRACK = 'Send a video, or use the file as a track.';
const SEND_VIDEO = 'Send a video.';

async function insteadOfVideo(ffmpeg: Ffmpeg, file: string, signal: AbortSignal): Promise<Refused> {
  const streams = async (map: string) => {
    const separator = ` ${randomUUID()} `;
    const run = await list(ffmpeg, file, probeArguments(file, separator, [map]), signal);
    return readStreams({ ...run, separator });
  };
  const pictures = await streams('0:v');
  const film = pictures.find(({ isCover }) => !isCover);
  if (film !== undefined) return insteadOfFilm(file, film);
  if (pictures.length > 0) return { is: 'sound with cover art, which does not count', next: AS_TRACK };
  if ((await streams('0:a')).length > 0) return { is: 'a file of sound alone', next: AS_TRACK };
  if ((await streams('0:s')).length > 0) return { is: 'a file of subtitles alone', next: SEND_VIDEO };
  return { is: 'a file without one', next: SEND_VIDEO };
}

async function insteadOfFilm(file: string, film: NamedStream): Promise<Refused> {
  const how = (await encryptedStreams(file)).get(film.stream);
  if (how !== undefined) return encrypted(how);
  if (film.isSampleEncrypted) return encrypted('SAMPLE-AES');
  if (await isScrambled(file)) return encrypted('a scrambled transport stream');
  const { codec, letters } = film;
  if (codec === 'none' || isUndecodable(codec)) return undecodable(codec, letters, 'no decoder here reads');
  return { is: 'one without a frame that can be read', next: 'Export it as MP4 (H.264).' };
}

function encrypted(how: string): Refused {
  return { is: `one whose picture is encrypted (${how})`, next: `${UNENCRYPTED}.` };
}
