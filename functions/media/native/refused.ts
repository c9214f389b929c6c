/** The clip must be encoded; the message says why and completes "clip x". No failure: nothing is wrong with it. */
export class CopyRefused extends Error {
  override name = 'CopyRefused';
}

/** Reasons that the probe finds in most clips, and the header in the rest. */
export const ANAMORPHIC = 'has pixels that are not square';
export const FULL_RANGE = 'has colours in full range, not in the range of video';
export const HDR = 'has a high dynamic range (HDR)';
export const INTERLACED = 'is interlaced';

/** Throws CopyRefused unless it is so. `otherwise` completes "clip x". */
export function refuseUnless(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new CopyRefused(otherwise);
}

/**
 * What `read` returns. Throws CopyRefused if that throws an Error of our parsers. Its words are for those who know the format,
 * and come in brackets behind `otherwise`, which completes "clip x".
 */
export function orRefused<T>(otherwise: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof CopyRefused) throw cause;
    throw unread(otherwise, cause);
  }
}

/** See orRefused. */
export function unread(otherwise: string, cause: unknown): CopyRefused {
  return new CopyRefused(`${otherwise} (${cause instanceof Error ? cause.message : cause})`, { cause });
}
