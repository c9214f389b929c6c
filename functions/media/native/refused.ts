/** The clip must be encoded; the message says why and completes "clip x". No failure: nothing is wrong with it. */
export class CopyRefused extends Error {
  override name = 'CopyRefused';
}

/** Throws CopyRefused unless it is so. `otherwise` completes "clip x". */
export function refuseUnless(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new CopyRefused(otherwise);
}
