/** What the sets of adapters that keep files on this disk have in common. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeftOver } from './adapter-set.ts';

/** A killed host's ffmpeg may take this long to notice or to finish, because the clips are short. */
const CHILD_GRACE_MS = 3_000;
const LOOK_AGAIN_MS = 50;

export function dataDir(dir: string): string {
  return join(dir, 'data');
}

export function outputDir(dir: string): string {
  return join(dir, 'output');
}

export async function workFiles(dir: string): Promise<LeftOver[]> {
  const places = ['tmp', 'children', join('artifacts', '.incoming'), join('artifacts', '.trash')];
  const found = await Promise.all(places.map((place) => namesIn(join(dataDir(dir), place))));
  return found.flat().map((what) => ({ kind: 'work file', what }));
}

/** Every process that has the folder in its arguments (Linux only). */
export async function childProcesses(dir: string): Promise<LeftOver[]> {
  const deadline = Date.now() + CHILD_GRACE_MS;
  for (;;) {
    const commands = await commandsNaming(dir);
    if (commands.length === 0 || Date.now() > deadline) {
      return commands.map((what) => ({ kind: 'child process', what }));
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

export async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function commandsNaming(dir: string): Promise<string[]> {
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const commands = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands
    .filter((command) => command.includes(dir))
    .map((command) => command.split('\0').slice(0, 8).join(' '));
}

function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch(() => []);
}
