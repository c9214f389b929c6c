/** Texts that are kept of each function. */
const MOST = 5_000;

/**
 * The same function, which keeps its results: for those that depend on nothing but their arguments, and are called with few
 * different ones again and again. @param longest characters of arguments whose results are kept
 */
export function remembered<T extends readonly (string | number)[], R>(
  make: (...of: T) => R,
  longest = 1_000,
): (...of: T) => R {
  const known = new Map<string, R>();
  return (...of) => {
    const key = of.join('\n');
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = make(...of);
    if (key.length > longest) return made;
    if (known.size >= MOST) known.clear();
    known.set(key, made);
    return made;
  };
}
