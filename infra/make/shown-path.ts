import { relative } from 'node:path';

/** Relative to the folder, if it lies in there. */
export function shownPath(path: string, base: string): string {
  const inside = relative(base, path);
  return inside.startsWith('..') || inside === '' ? path : inside;
}
