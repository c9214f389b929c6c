/** Characters of arguments whose results are kept. */
const LONGEST = 1_000;

/**
 * The same function, which keeps its results: for those that depend on nothing but their arguments, and are called with few
 * different ones again and again. @param most results: strangers write the arguments
 */
export function remembered<T extends readonly (string | number)[], R>(
  make: (...of: T) => R,
  most = 5_000,
): (...of: T) => R {
  const known = new Map<string, R>();
  return (...of) => {
    const key = of.join('\n');
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = make(...of);
    if (key.length > LONGEST) return made;
    if (known.size >= most) known.clear();
    known.set(key, made);
    return made;
  };
}
