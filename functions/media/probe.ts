/** Finds out what a file from a caller contains, and refuses files that cannot be used. */
import { PermanentError } from '../base/errors.ts';
import type { Probe } from '../model/pins.ts';
import { chosenOf, examine, list, withRepeated } from './examine.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { lastMessage } from './ffmpeg-error.ts';
import { gridStart, measureRate } from './frame-grid.ts';
import { withoutLeaps } from './leaps.ts';
import type { MediaInfo } from './media-info.ts';
import { type Missing, missingBytes } from './missing-bytes.ts';
import { type Mp4Index, readMp4Index } from './mp4-index.ts';
import { type ListedStream, MAX_PACKETS, tooManyPackets } from './packets.ts';
import { lacksBytes, refuseTruncated, truncated } from './truncated.ts';
import { unreadable } from './unreadable.ts';
import { MAX_PIXELS, untrustedInput } from './untrusted.ts';

/** Half the rate of telephones, and twice the highest rate of studios. */
const LEAST_SAMPLE_RATE = 4_000;
const HIGHEST_SAMPLE_RATE = 768_000;
/** Above 22.2 surround sound, which has 24. */
const MOST_CHANNELS = 32;
/** Frames per second of the fastest phones. */
const HIGHEST_RATE = 1_000;
const MATROSKA = 0x1a45dfa3;
/** With which an MP4 begins. */
const MP4_BOXES = ['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'styp', 'sidx', 'moof'];
/** Brands of ISO 14496-12 for photos. They consist of tiles, which ffmpeg takes for films. */
const HEIC_BRANDS = ['heic', 'heix', 'heim', 'heis', 'mif1'];

/** A still has no rate, and the one that ffmpeg makes up for it must not become the rate of a task. */
const STILL_RATE = { num: 30, den: 1 };

/**
 * Inspects a file from a caller in one run that decodes nothing (two if it has more streams than are used). `seconds` is
 * the header's length, except for sound alone: headers of MP3 and AAC only estimate it, so the packets are used.
 * Throws PermanentError 'media_unreadable' if no format on the list fits, 'media_truncated' if the packets end well
 * before the header's length.
 */
export async function probe(
  ffmpeg: Ffmpeg,
  file: string,
  { signal }: { signal: AbortSignal },
): Promise<Probe> {
  const index = await refuseIndex(file);
  const missing = index.missing > 0 ? { bytes: index.missing, isDoubtful: false } : await missingBytes(file);
  const { info, listed, stderr } = await examine(ffmpeg, file, signal);
  if (info === undefined) throw notOpened(stderr, index, missing);
  refuseHuge(info);
  refuseExotic(info);
  refuseTruncated(info, listed, missing);
  const packets = await chosenOf(ffmpeg, file, info, listed, signal);
  const sound = packets.find(({ kind }) => kind === 'audio');
  const film = packets.find(({ kind }) => kind === 'video');
  const video = videoOf(
    await asDisplayed(ffmpeg, file, info, signal),
    await withRepeated(ffmpeg, file, info, film, signal),
    sound,
  );
  return {
    seconds: video === null && sound !== undefined ? sound.end : info.seconds,
    video,
    audio: info.audio && { stream: info.audio.stream },
  };
}

/** Before ffmpeg reads it, because ffmpeg keeps the whole index in memory. */
async function refuseIndex(file: string): Promise<Mp4Index> {
  const index = await readMp4Index(file);
  const { brand, samples } = index;
  if (samples > MAX_PACKETS) {
    throw tooManyPackets(Number.isFinite(samples) ? `an index of ${samples}` : 'an index of countless ones');
  }
  const photo = brand === 'avif' ? 'AVIF' : HEIC_BRANDS.includes(brand ?? '') ? 'HEIC' : undefined;
  if (photo !== undefined) throw unreadable(`a photo as ${photo}; send it as JPEG, PNG or WebP`);
  return index;
}

/** Why ffmpeg could not open the file. Its messages may repeat texts of the file, so the first bytes decide. */
function notOpened(stderr: string, { beginning, ...index }: Mp4Index, missing: Missing): PermanentError {
  // The index is at the beginning or the end of an MP4. ffmpeg may take anything for an MP4 "with low score".
  const isMp4 = MP4_BOXES.includes(beginning.toString('latin1', 4, 8));
  if (missing.bytes > 0 && !missing.isDoubtful && (isMp4 || index.missing === 0)) {
    return lacksBytes(missing.bytes);
  }
  const isMatroska = beginning.length >= 4 && beginning.readUInt32BE(0) === MATROSKA;
  const refused = /^\[(\w+)[^\]]*\] Format not on whitelist/m.exec(stderr)?.[1];
  if (refused !== undefined && !isMatroska)
    return unreadable(`a file of the format ${refused}, which is not accepted`);
  if (isMp4 && /moov atom not found/.test(stderr) && !/with low score/.test(stderr)) {
    return new PermanentError(
      'media_truncated',
      'probe',
      'Expected an MP4 with an index (moov), got one that ends before it. Upload or export it again.',
    );
  }
  return unreadable(lastMessage(stderr));
}

/** Refuses what no decoder on the list reads, and sound that would take gigabytes to convert to stereo at 48 kHz. */
function refuseExotic({ video, audio, refused, misleading }: MediaInfo): void {
  if (misleading !== null) throw unreadable(misleading);
  if (video !== null && refused.has(video.codec)) {
    throw unreadable(`a picture coded as ${video.codec}, which is not accepted`);
  }
  if (audio !== null && (audio.rate < LEAST_SAMPLE_RATE || audio.rate > HIGHEST_SAMPLE_RATE)) {
    throw unreadable(`sound of ${audio.rate} samples a second`);
  }
  if (audio !== null && audio.channels > MOST_CHANNELS) {
    throw unreadable(`sound of ${audio.channels} channels; export it in stereo`);
  }
}

/** Some decoders check the size first and refuse the picture themselves. The stream then has no size. */
function refuseHuge({ video, audio, messages }: MediaInfo): void {
  const refused = /^(?:\[[^\]\n]+ @ 0x[0-9a-f]+\] )+Picture size (\d+x\d+) (?:exceeds|is invalid)/m.exec(
    messages,
  )?.[1];
  if (video !== null && Math.max(video.pixels, video.width * video.height) > MAX_PIXELS) {
    throw huge(`${video.width}x${video.height}`);
  }
  if (video === null && audio === null && refused !== undefined) throw huge(refused);
}

function huge(size: string): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a picture of at most ${MAX_PIXELS / 1e6} million pixels, got ${size}. Export it smaller.`,
  );
}

/** Only the decoder of a photo finds out which side is up, so a still is decoded to learn its size as displayed. */
async function asDisplayed(
  ffmpeg: Ffmpeg,
  file: string,
  info: MediaInfo,
  signal: AbortSignal,
): Promise<Pick<MediaInfo, 'video' | 'still'>> {
  const { video, still } = info;
  if (video === null || !still) return { video, still };
  const args = [
    ...['-v', 'warning', ...untrustedInput(file), '-map', `0:${video.stream}`],
    ...['-frames:v', '1', '-f', 'framecrc', '-'],
  ];
  const { stderr, listed } = await list(ffmpeg, file, args, signal);
  const [shown] = listed;
  if (shown === undefined || shown.width === 0) throw unreadable(lastMessage(stderr));
  // The JPEG decoder fills in what is missing and reports success.
  if (/overread/.test(stderr)) throw truncated('a whole picture, got the beginning of one');
  const { width, height } = shown;
  return { video: { ...video, width, height, pixels: width * height }, still };
}

function videoOf(
  { video: info, still: single }: Pick<MediaInfo, 'video' | 'still'>,
  packets: ListedStream | undefined,
  sound: ListedStream | undefined,
): Probe['video'] {
  if (info === null || packets === undefined || packets.shown === 0) return null;
  const { leaps, times, end } = withoutLeaps(packets, sound);
  // All of them would have to be decoded to show a few.
  const most = Math.max(times.length, packets.filled);
  if (most > HIGHEST_RATE * (end + 1)) throw unreadable(`${most} pictures in ${end.toFixed(1)} s`);
  const { stream, width, height, interlaced, matrix, transfer, alpha, codec, pixels } = info;
  // A GIF with one picture is a still, not a clip of one frame.
  const still = single || (codec === 'gif' && packets.shown === 1);
  const rate = still ? STILL_RATE : measureRate(times, info.fps ?? 30, { leaps });
  const grid = leaps ? null : gridStart(times, rate);
  return {
    stream,
    width,
    height,
    rate,
    start: grid ?? (times[0] as number),
    steady: grid !== null,
    still,
    seconds: end,
    held: packets.end - packets.filledEnd,
    leaps,
    packets: packets.shown,
    decoded: packets.filled,
    pixels,
    interlaced,
    matrix,
    hdr: transfer === 'smpte2084' ? 'pq' : transfer === 'arib-std-b67' ? 'hlg' : null,
    alpha,
    alphaDecoder: alpha ? (({ vp8: 'libvpx', vp9: 'libvpx-vp9' } as const)[codec] ?? null) : null,
  };
}
