/** A number, with what parts it from the name: `1 hooks`, `02_hooks`, `3. hooks`, `(4) hooks`. Not `3d`. */
const NUMBER = /^\(?\d+(?:[\s\p{P}\p{S}]+|$)/u;

/** What blocks are called: as their folders, without the numbers that put them in order, if that tells them apart. */
export function blockNames(folders: readonly string[]): string[] {
  const full = folders.map((name) => name.normalize());
  const short = full.map((name) => withoutNumber(name));
  const isUnique = new Set(short).size === short.length;
  return isUnique ? short : full;
}

/** The whole name if nothing else is left. */
export function withoutNumber(name: string): string {
  return name.replace(NUMBER, '') || name;
}
