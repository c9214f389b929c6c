/** Decodes a sound that is heard as a whole, once for all mixes that use it: a track or a spoken line. */
import { PermanentError } from '../base/errors.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { Trim } from '../model/plan.ts';
import type { Probe } from '../model/probe.ts';
import { decode, SOUND_TIMEOUT_MS, type SoundInput } from './decode-sound.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { FfmpegError, permanentFrom } from './ffmpeg-error.ts';
import { UNENCRYPTED } from './file-kind.ts';
import { beyondEnd, trimWarnings } from './trim.ts';

const NEXT = 'Export it again as MP3, M4A or WAV.';

/** Nobody misses less, in seconds. */
const LEAST_CUT = 1;

export interface SoundSource extends Pick<SoundInput, 'file' | 'out' | 'maxSeconds'> {
  /** What its probe found; absent if it was not probed, such as speech. */
  audio?: NonNullable<Probe['audio']>;
  /** The part of music that is used; absent: all of it. */
  trim?: Trim;
  /** Whether a longer sound is cut at `maxSeconds`, as music may be; otherwise it is refused. */
  cut?: boolean;
}

/** Throws PermanentError: no_sound, clip_too_long, media_unreadable, trim_empty. */
export async function decodeSound(
  ffmpeg: Ffmpeg,
  { signal, audio, cut = false, trim, ...source }: SoundSource & { signal: AbortSignal },
): Promise<{ samples: number }> {
  // One second more than allowed, to tell sound that is too long from sound that just fits.
  const maxSeconds = cut ? source.maxSeconds : source.maxSeconds + 1;
  if (audio !== undefined && audio.refused !== null)
    throw undecodable(audio.refused, audio.encrypted ? `${UNENCRYPTED}.` : NEXT);
  const found = audio === undefined ? {} : { stream: audio.stream, layout: audio.layout, timed: audio.timed };
  const run = { signal, timeoutMs: SOUND_TIMEOUT_MS };
  const part = trim === undefined ? {} : partOfTrack(trim, maxSeconds);
  const wanted = { ...source, ...found, maxSeconds, ...part };
  const { samples, packets, frames } = await decode(ffmpeg, wanted, run).catch((error: unknown) => {
    // Speech comes unprobed.
    const isSilent = FfmpegError.is(error) && /matches no streams/.test(error.stderr);
    if (audio === undefined && isSilent) throw noSound();
    throw permanentFrom(error, 'media_unreadable', 'measure', {
      expected: `sound${audio === undefined ? '' : ` in ${audio.codec}`} that can be decoded`,
      next: NEXT,
    });
  });
  if (samples === 0 && frames > 0 && trim !== undefined)
    throw beyondEnd(trim, audio?.seconds ?? 0, 'measure');
  if (samples === 0 && packets > 0 && frames === 0) throw undecodable(audio?.codec ?? 'packets without any');
  if (samples === 0) throw noSound();
  if (!cut && samples > source.maxSeconds * SAMPLE_RATE) {
    throw new PermanentError(
      'clip_too_long',
      'measure',
      `Expected at most ${source.maxSeconds} s of sound, got more. Cut it, or raise MAX_CLIP_SECONDS.`,
    );
  }
  return { samples };
}

/** To the sample, at 48 kHz. */
function partOfTrack({ startSeconds, endSeconds }: Trim, maxSeconds: number) {
  const from = Math.round(startSeconds * SAMPLE_RATE);
  if (endSeconds === undefined) return { from };
  const samples = Math.max(1, Math.round(endSeconds * SAMPLE_RATE) - from);
  return { from, maxSeconds: Math.min(maxSeconds, samples / SAMPLE_RATE) };
}

/** What to say of music that is cut, in a video in which the part that is kept repeats. */
export function musicWarnings(
  { seconds }: NonNullable<Probe['audio']>,
  maxSeconds: number,
  trim?: Trim,
): string[] {
  const wanted = Math.min(seconds, trim?.endSeconds ?? seconds) - (trim?.startSeconds ?? 0);
  if (wanted < maxSeconds + LEAST_CUT) return trimWarnings(trim, seconds);
  return [
    `Expected music of at most ${maxSeconds} s, got ${wanted.toFixed(1)} s: only its beginning is used, and repeated to the ` +
      'end of the video. Raise MAX_CLIP_SECONDS, or send shorter clips.',
  ];
}

function undecodable(actual: string, next = NEXT): PermanentError {
  const expected = 'Expected sound that can be decoded (such as MP3, AAC or PCM)';
  return new PermanentError('media_unreadable', 'measure', `${expected}, got ${actual}. ${next}`);
}

function noSound(): PermanentError {
  return new PermanentError(
    'no_sound',
    'measure',
    'Expected a file with sound, got one without. Send a file with an audio stream.',
  );
}
