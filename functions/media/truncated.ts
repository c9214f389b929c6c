/** Refuses files that break off. */
import { PermanentError } from '../base/errors.ts';
import type { MediaInfo } from './media-info.ts';
import type { Missing } from './missing-bytes.ts';
import type { ListedStream } from './packets.ts';

/** A header is never exact. */
const SAME_SECONDS = 0.1;

/**
 * Throws PermanentError 'media_truncated'.
 * @param listed all streams of picture and sound
 */
export function refuseTruncated(
  { seconds, estimated }: MediaInfo,
  listed: readonly ListedStream[],
  missing: Missing,
): void {
  const reached = Math.max(0, ...listed.map(({ end }) => end));
  const lacking = seconds === null || estimated ? 0 : seconds - reached;
  if (missing.bytes === 0 || (missing.isDoubtful && lacking <= SAME_SECONDS)) return;
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
