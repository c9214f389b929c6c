/** How earlier work under a key ended, as far as it is remembered. */
export interface Attempts {
  /** Holders that ended without reporting it: killed, out of memory, or cut off from the store. */
  crashes: number;
  /** Holders that ended with an unexpected error. */
  failures: number;
}

export const NO_ATTEMPTS: Attempts = { crashes: 0, failures: 0 };

/** Which leases lapsed under a key, by their tokens, the latest first. */
export interface Lapses {
  /** Each of these counts as a crash. */
  crashed: readonly string[];
  /** Their holders live, or ended in order: only the release did not reach the store in time. */
  ended: readonly string[];
}

export const NO_LAPSES: Lapses = { crashed: [], ended: [] };

/** How many of each kind are kept. Work is given up after far fewer crashes. */
const LAPSES_KEPT = 20;

type Counted = Attempts & { lapses: Lapses };

/** Counts the crash of the holder of that lease, unless it is known to have ended in order. */
export function afterCrash<T extends Counted>(found: T, token: string | undefined): T {
  const { crashes, lapses } = found;
  if (token === undefined) return { ...found, crashes: crashes + 1 };
  if (lapses.ended.includes(token)) return found;
  return { ...found, crashes: crashes + 1, lapses: { ...lapses, crashed: added(lapses.crashed, token) } };
}

/** Takes the crash of the holder of that lease back, or sees to it that it will not be counted. */
export function afterOrderlyEnd<T extends Counted>(found: T, token: string): T {
  const { crashes, lapses } = found;
  if (lapses.ended.includes(token)) return found;
  const crashed = lapses.crashed.filter((other) => other !== token);
  const taken = lapses.crashed.length - crashed.length;
  return {
    ...found,
    crashes: Math.max(0, crashes - taken),
    lapses: { crashed, ended: added(lapses.ended, token) },
  };
}

function added(tokens: readonly string[], token: string): readonly string[] {
  return [token, ...tokens].slice(0, LAPSES_KEPT);
}
