/** Refuses files that break off. */
import { PermanentError } from '../base/errors.ts';
import type { MediaInfo } from './media-info.ts';
import type { Missing } from './missing-bytes.ts';
import type { ListedStream } from './packets.ts';

/** Its frames have no size, but its header counts the samples. */
const COUNTED = 'flac';
/** The sound may be a little shorter than the header says. A broken upload lacks more. */
const MISSING_SECONDS = 1;
const MISSING_SHARE = 0.1;
/** A header is never exact. */
const SAME_SECONDS = 0.1;

/**
 * Throws PermanentError 'media_truncated'.
 * @param listed all streams of picture and sound
 */
export function refuseTruncated(
  { seconds, estimated, format }: MediaInfo,
  listed: readonly ListedStream[],
  missing: Missing,
): void {
  const reached = Math.max(0, ...listed.map(({ end }) => end));
  const lacking = seconds === null || estimated ? 0 : seconds - reached;
  const isCounted = format === COUNTED && listed.length > 0;
  const isShort = isCounted && lacking > Math.max(MISSING_SECONDS, (seconds ?? 0) * MISSING_SHARE);
  const isProved = missing.bytes > 0 && (!missing.isDoubtful || lacking > SAME_SECONDS);
  if (!isShort && !isProved) return;
  throw lacking > SAME_SECONDS
    ? truncated(`${seconds?.toFixed(1)} s, as the file's header says, got ${reached.toFixed(1)} s`)
    : lacksBytes(missing.bytes);
}

/** @param bytes how many, at least */
export function lacksBytes(bytes: number): PermanentError {
  return truncated(`a complete file, got one that lacks ${bytes} bytes or more`);
}

export function truncated(expected: string): PermanentError {
  return new PermanentError('media_truncated', 'probe', `Expected ${expected}. Upload it again.`);
}
