/** Tells programs of this machine where the service of a DATA_DIR listens, whatever its port. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostLockedError } from '../adapters/process/host-lock.ts';
import type { Config } from '../config/config.ts';

const FILE = 'service.json';

interface AddressNote {
  url: string;
  pid: number;
}

/** Until it is disposed of. A note that cannot be written is no reason not to serve, nor to fail at the end. */
export function noteAddress({ dataDir }: Pick<Config, 'dataDir'>, url: string): Disposable {
  const file = join(dataDir, FILE);
  try {
    writeFileSync(file, `${JSON.stringify({ url, pid: process.pid })}\n`, { mode: 0o600 });
  } catch {}
  return {
    [Symbol.dispose]() {
      // The next service may have begun, as this one no longer holds the folder.
      if (noteIn(file)?.pid === process.pid) rmSync(file, { force: true });
    },
  };
}

/** Undefined if nobody noted one, or its process is gone. Whether the service answers there is for the caller to see. */
export function notedAddress({ dataDir }: Pick<Config, 'dataDir'>): string | undefined {
  const note = noteIn(join(dataDir, FILE));
  return note !== undefined && isAlive(note.pid) ? note.url : undefined;
}

/** The same error; one about another host in DATA_DIR says where that one listens. */
export function withAddress(config: Pick<Config, 'dataDir'>, error: unknown): unknown {
  const address = HostLockedError.is(error) ? notedAddress(config) : undefined;
  if (address === undefined) return error;
  return new HostLockedError(`${(error as Error).message} It listens on ${address}.`, { cause: error });
}

function noteIn(file: string): AddressNote | undefined {
  try {
    const { url, pid } = JSON.parse(readFileSync(file, 'utf8')) as Record<keyof AddressNote, unknown>;
    if (typeof url !== 'string' || typeof pid !== 'number' || !URL.canParse(url)) return undefined;
    return { url, pid };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Of another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
