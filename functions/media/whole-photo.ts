/** Sees whether a photo is whole. */
import { PermanentError } from '../base/errors.ts';
import { ByteWindow } from './byte-window.ts';
import { list } from './examine.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { lastMessage } from './ffmpeg-error.ts';
import type { MediaInfo } from './media-info.ts';
import { isOnItsSide, type PhotoFile } from './photo-file.ts';
import { truncated } from './truncated.ts';
import { unreadable } from './unreadable.ts';
import { LARGE_PHOTO, photoInput } from './untrusted.ts';

/** Decodes a photo, because only that shows whether it is whole. Its size is that as displayed, whichever side is up. */
export async function asDisplayed(
  ffmpeg: Ffmpeg,
  file: string,
  { video, still }: MediaInfo,
  { orientation }: PhotoFile,
  signal: AbortSignal,
): Promise<Pick<MediaInfo, 'video' | 'still'>> {
  if (video === null) return { video, still };
  const args = [
    ...['-v', 'warning', ...photoInput(file, 3)],
    ...['-map', `0:${video.stream}`, '-frames:v', '1', '-f', 'framecrc', '-'],
  ];
  const { width, height, pixels } = video;
  const upright = isOnItsSide(orientation) ? { ...video, width: height, height: width } : video;
  // Progressive ones take 7 bytes for each pixel. Whoever encodes it has more memory.
  const isLarge = pixels >= LARGE_PHOTO;
  const run = await list(ffmpeg, file, args, signal).catch((error: unknown) => {
    if (!isLarge || !PermanentError.is(error)) throw error;
  });
  const isDecoded = run?.listed.some((shown) => shown.times.length > 0) ?? false;
  if (run === undefined || (!isDecoded && isLarge)) return { video: upright, still };
  const { stderr } = run;
  if (!isDecoded) throw unreadable(lastMessage(stderr));
  // The JPEG decoder fills in what is missing and reports success.
  if (/overread/.test(stderr)) throw beginning();
  return { video: upright, still };
}

/** For a JPEG in which ffmpeg found no picture. Throws PermanentError 'media_truncated' unless it has its end mark. */
export async function refuseWithoutEnd(file: string): Promise<void> {
  await using bytes = await ByteWindow.open(file);
  const end = await bytes.at(bytes.size - 2, 2);
  if (end.toString('hex') !== 'ffd9') throw beginning();
}

function beginning(): PermanentError {
  return truncated('a whole picture, got the beginning of one');
}
