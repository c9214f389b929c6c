/**
 * A cage of Linux namespaces for one run of ffmpeg, made by bubblewrap: no network, no other processes, and of the disk
 * only the system's libraries and the files of that run. https://github.com/containers/bubblewrap
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { programOn } from './programs.ts';

/** What a run may see besides the system's libraries. All paths are absolute. */
export interface RunFiles {
  /** Files that it reads. */
  reads?: readonly string[];
  /** The only folder that it writes to. It may read everything in there. */
  writes?: string;
}

export interface Command {
  command: string;
  args: readonly string[];
}

export interface Cage {
  /** For the log. */
  name: string;
  /**
   * The command that runs `program` in the cage.
   * @param descriptors of this process that would be passed on; they are open and can be read to their end at once
   */
  around(program: Command, files: RunFiles, descriptors: readonly number[]): Command;
}

/**
 * What programs need to start: libraries, and the tools of a script that FFMPEG_BIN may name. Not all of /usr or /etc,
 * because a service may be installed in /usr/src, and passwords are in /etc.
 */
const SYSTEM = [
  '/usr/lib',
  '/usr/lib32',
  '/usr/lib64',
  '/usr/local/lib',
  '/usr/bin',
  '/lib',
  '/lib32',
  '/lib64',
  '/bin',
  '/etc/ld.so.cache',
  // Debian's links to libraries of which there are several.
  '/etc/alternatives',
];
/** Stays empty, and nothing can be written to it. */
const WORK = '/empty';
/** Shells and bubblewrap report a signal as 128 plus its number. ffmpeg's own codes are below 128 or above 159. */
const SIGNAL_CODES = 128;

/** Undefined if bubblewrap is not on the search path. Whether it works here, only a run can tell. */
export function findCage(searchPath: string): Cage | undefined {
  if (process.platform !== 'linux') return undefined;
  const bwrap = programOn(searchPath, 'bwrap');
  return bwrap === undefined ? undefined : createCage(bwrap);
}

function createCage(bwrap: string): Cage {
  const system = SYSTEM.flatMap(shown);
  return {
    name: `bubblewrap (${bwrap})`,
    around: ({ command, args }, { reads = [], writes }, descriptors) => ({
      command: bwrap,
      args: [
        // Reads more options from a descriptor, of which there are none, and closes it.
        ...descriptors.flatMap((descriptor) => ['--args', String(descriptor)]),
        ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
        ...['--hostname', 'cage', ...system, '--dev-bind', '/dev/null', '/dev/null', '--dir', WORK],
        ...(SYSTEM.some((folder) => isIn(command, folder)) ? [] : readOnly(command)),
        ...(writes === undefined ? [] : ['--bind', writes, writes]),
        ...[...new Set(reads)].filter((file) => !isIn(file, writes)).flatMap(readOnlyIfThere),
        // Otherwise it could fill the memory with files of its own.
        ...['--remount-ro', '/', '--chdir', WORK, '--', command, ...args],
      ],
    }),
  };
}

/** On many systems /lib and /bin are links into /usr. */
function shown(path: string): string[] {
  try {
    return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : readOnly(path);
  } catch {
    return [];
  }
}

function readOnly(path: string): string[] {
  return ['--ro-bind', path, path];
}

/** A file that is missing is reported by ffmpeg, as without a cage. */
function readOnlyIfThere(path: string): string[] {
  return ['--ro-bind-try', path, path];
}

function isIn(path: string, folder: string | undefined): boolean {
  return folder !== undefined && path.startsWith(`${folder}/`);
}

/** Whether bubblewrap itself failed, and not the program in it. */
export function cageFailed(exitCode: number | null, stderr: string): boolean {
  return exitCode === 1 && stderr.startsWith('bwrap: ');
}

/** The signal that ended the program in a cage or behind a shell, if one did. */
export function signalInside(exitCode: number | null): NodeJS.Signals | undefined {
  if (exitCode === null) return undefined;
  const found = Object.entries(constants.signals).find(([, number]) => SIGNAL_CODES + number === exitCode);
  return found?.[0] as NodeJS.Signals | undefined;
}
