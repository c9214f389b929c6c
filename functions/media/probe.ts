/** Finds out what a file from a caller contains, and refuses files that cannot be used. */
import { PermanentError } from '../base/errors.ts';
import type { Probe } from '../model/probe.ts';
import { repeatedFrames } from './avi-frames.ts';
import { ByteWindow } from './byte-window.ts';
import { channelOrder } from './channel-order.ts';
import { type EncryptedStreams, encryptedStreams } from './encryption.ts';
import { chosenOf, examine } from './examine.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { ANIMATED_WEBP, isUndecodable, refusedKind, undecodable } from './file-kind.ts';
import { gridStart, measureRate, offGrid } from './frame-grid.ts';
import { withoutLeaps } from './leaps.ts';
import type { MediaInfo, VideoInfo } from './media-info.ts';
import { missingBytes } from './missing-bytes.ts';
import { type Mp4Index, readMp4Index } from './mp4/count-index.ts';
import { notOpened } from './not-opened.ts';
import { type ListedStream, MAX_PACKETS, tooManyPackets } from './packets.ts';
import { type PhotoFile, readPhotoFile } from './photo-file.ts';
import { readApart } from './read-apart.ts';
import { withRestarts } from './restarts.ts';
import { refuseTruncated } from './truncated.ts';
import { refused, unreadable } from './unreadable.ts';
import { MAX_PHOTO_PIXELS, MAX_PIXELS } from './untrusted.ts';
import { asDisplayed, refuseWithoutEnd } from './whole-photo.ts';

/** Frames per second of the fastest phones. */
const HIGHEST_RATE = 1_000;
/** Nothing but packets of sound, one after another. */
const BARE = ['mp3', 'aac', 'flac', 'ac3', 'eac3', 'amr'];
/** Enough to know a file by. */
const BEGINNING = 4_096;

/** A still has no rate, and the one that ffmpeg makes up for it must not become the rate of a task. */
const STILL_RATE = { num: 30, den: 1 };

/**
 * Inspects a file from a caller in one run that decodes nothing (more if it has unused streams or odd times). `seconds` is
 * the header's length, except for sound alone: headers of MP3 and AAC only estimate it, so the packets are used.
 * Throws PermanentError 'media_unreadable' if no format on the list fits, or the file can make no film; 'media_truncated' if
 * the packets end well before the header's length.
 */
export async function probe(
  ffmpeg: Ffmpeg,
  file: string,
  { signal }: { signal: AbortSignal },
): Promise<Probe> {
  const index = await refuseIndex(file);
  const photo = await readPhotoFile(file);
  if (photo?.kind === 'webp' && photo.isAnimated) throw refused(ANIMATED_WEBP);
  const maxPixels = photo === null || photo.isAnimated ? MAX_PIXELS : MAX_PHOTO_PIXELS;
  const missing = index.missing > 0 ? { bytes: index.missing, isDoubtful: false } : await missingBytes(file);
  const { info: found, listed, stderr } = await examine(ffmpeg, file, { signal, maxPixels });
  const encrypted = await encryptedStreams(file);
  if (found === undefined) throw notOpened(stderr, { index, missing, encrypted });
  const info = unencrypted(found, encrypted);
  refuseHuge(info);
  refuseExotic(info);
  refuseTruncated(info, listed, missing);
  const packets = await chosenOf(ffmpeg, file, info, listed, signal);
  const sound = packets.find(({ kind }) => kind === 'audio');
  const asListed = packets.find(({ kind }) => kind === 'video');
  const listedFilm = asListed && (await withRestarts(ffmpeg, file, info, asListed, signal));
  const apart = await readApart(ffmpeg, file, info, { film: listedFilm, sound }, signal);
  const film = apart?.film ?? (listedFilm && (await withRepeated(file, info, listedFilm)));
  const video = videoOf(
    info.still && photo !== null ? await asDisplayed(ffmpeg, file, info, photo, signal) : info,
    film,
    { sound, photo, later: apart?.later ?? null, format: info.format },
  );
  if (video === null && photo?.kind === 'jpeg') await refuseWithoutEnd(file);
  // Disturbed times say no length.
  const heard = sound && apart ? { ...sound, end: Math.min(sound.end, apart.film.end) } : sound;
  // Sound leaps together with the picture.
  const leapt = film === undefined || video === null ? 0 : film.end - video.seconds;
  return {
    seconds: video === null && sound !== undefined ? sound.end : info.seconds,
    video,
    audio: await audioOf(file, info, heard, leapt),
  };
}

/** An encrypted picture counts as missing, and encrypted sound is refused. ffmpeg would decode their noise. */
function unencrypted(info: MediaInfo, encrypted: EncryptedStreams): MediaInfo {
  const { video, audio } = info;
  const how = audio === null ? undefined : encrypted.get(audio.stream);
  return {
    ...info,
    video: video !== null && encrypted.has(video.stream) ? null : video,
    audio:
      audio && how !== undefined
        ? { ...audio, refused: `${audio.codec}, which is encrypted (${how})`, encrypted: true }
        : audio,
  };
}

async function audioOf(
  file: string,
  { audio, format }: MediaInfo,
  packets: ListedStream | undefined,
  leapt: number,
): Promise<Probe['audio']> {
  // A track without packets is no sound, whatever its codec.
  if (audio === null || packets === undefined || (packets.times.length === 0 && packets.end <= 0))
    return null;
  const { stream, codec, refused, encrypted } = audio;
  const isOrdered = format.startsWith('mov,') && codec.startsWith('pcm_');
  const layout = (isOrdered ? await channelOrder(file, stream) : null) ?? audio.layout;
  return {
    stream,
    codec,
    layout,
    seconds: packets.end - leapt,
    timed: !BARE.includes(format),
    discarded: packets.discarded,
    refused,
    encrypted,
  };
}

/** Before ffmpeg reads it, because ffmpeg keeps the whole index in memory. */
async function refuseIndex(file: string): Promise<Mp4Index> {
  const index = await readMp4Index(file);
  const { brand, samples } = index;
  if (samples > MAX_PACKETS) {
    throw tooManyPackets(Number.isFinite(samples) ? `an index of ${samples}` : 'an index of countless ones');
  }
  await using bytes = await ByteWindow.open(file);
  const other = refusedKind(await bytes.at(0, BEGINNING), brand);
  if (other !== null) throw refused(other);
  return index;
}

/** Refuses a picture that no decoder on the list reads. */
function refuseExotic({ video, refused: decoders, misleading }: MediaInfo): void {
  if (misleading !== null) throw unreadable(misleading);
  if (video !== null && (decoders.has(video.codec) || isUndecodable(video.codec))) {
    throw refused(undecodable(video.codec, null, 'is not accepted'));
  }
}

/** Some decoders check the size first and refuse the picture themselves. The stream then has no size. */
function refuseHuge({ video, audio, still, messages }: MediaInfo): void {
  const most = still ? MAX_PHOTO_PIXELS : MAX_PIXELS;
  const refused = /^(?:\[[^\]\n]+ @ 0x[0-9a-f]+\] )+Picture size (\d+x\d+) (?:exceeds|is invalid)/m.exec(
    messages,
  )?.[1];
  if (video !== null && Math.max(video.pixels, video.width * video.height) > most) {
    throw huge(`${video.width}x${video.height}`, most);
  }
  if (video === null && audio === null && refused !== undefined) throw huge(refused, most);
}

function huge(size: string, most: number): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a picture of at most ${most / 1e6} million pixels, got ${size}. Export it smaller.`,
  );
}

/** ffmpeg lists frames without bytes of a few codecs only. */
async function withRepeated(
  file: string,
  { format, video }: MediaInfo,
  film: ListedStream,
): Promise<ListedStream> {
  if (format !== 'avi' || video === null) return film;
  return { ...film, end: film.filledEnd + film.lastSeconds * (await repeatedFrames(file, video.stream)) };
}

/** As the header says, unless it only says how finely times are measured, as for an APNG of few frames. */
function rateOf({ fps }: VideoInfo): number {
  return fps === null || fps > HIGHEST_RATE ? 30 : fps;
}

function videoOf(
  { video: info, still: single }: Pick<MediaInfo, 'video' | 'still'>,
  packets: ListedStream | undefined,
  beside: { sound: ListedStream | undefined; photo: PhotoFile | null; later: number | null; format: string },
): Probe['video'] {
  if (info === null || packets === undefined || packets.shown === 0) return null;
  const { sound, photo, later, format } = beside;
  const { leaps, restarts, times, end } = withoutLeaps(packets, sound, format);
  const isMoved = restarts || leaps.length > 0;
  // All of them would have to be decoded to show a few.
  const most = Math.max(times.length, packets.filled);
  if (most > HIGHEST_RATE * (end + 1)) throw unreadable(`${most} pictures in ${end.toFixed(1)} s`);
  const { stream, width, height, interlaced, matrix, gray, transfer, alpha, codec, pixels, stored } = info;
  // A GIF or APNG with one picture is a still, not a clip of one frame.
  const still = single || (['gif', 'apng'].includes(codec) && packets.shown === 1);
  const rate = still
    ? STILL_RATE
    : measureRate(times, rateOf(info), { leaps: isMoved, lasts: packets.lastSeconds });
  const grid = isMoved ? null : gridStart(times, rate);
  return {
    stream,
    codec,
    width,
    height,
    rate,
    start: grid ?? (times[0] as number),
    steady: grid !== null,
    still,
    seconds: end,
    held: packets.end - packets.filledEnd,
    leaps,
    restarts,
    later,
    packets: packets.shown,
    decoded: packets.filled,
    pixels,
    interlaced,
    matrix,
    gray,
    orientation: single ? (photo?.orientation ?? 1) : 1,
    hdr: transfer === 'smpte2084' ? 'pq' : transfer === 'arib-std-b67' ? 'hlg' : null,
    alpha,
    stored: {
      ...stored,
      container: format.split(',')[0] as string,
      offGrid: Number(offGrid(times, rate).toFixed(3)),
      cut: packets.cut,
    },
    alphaDecoder: alpha ? (({ vp8: 'libvpx', vp9: 'libvpx-vp9' } as const)[codec] ?? null) : null,
  };
}
