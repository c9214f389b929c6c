/** Shows the folder of the videos in the file manager, where somebody sits in front of it. */
import { spawn } from 'node:child_process';

export interface Surroundings {
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  /** The results go to a terminal. */
  isTerminal: boolean;
}

/** The program that opens a folder by its path; undefined where there is no screen, or nobody to look at it. */
export function openerFor({ platform, env, isTerminal }: Surroundings): string | undefined {
  if (!isTerminal || env['CI']) return undefined;
  // The screen would be that of another machine.
  if (env['SSH_CONNECTION'] && platform !== 'linux') return undefined;
  if (platform === 'darwin') return 'open';
  if (platform === 'win32') return 'explorer.exe';
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? 'xdg-open' : undefined;
}

/** Without a shell and as a path, so that no character of its name means anything. Whether it works is no matter. */
export function openFolder(folder: string, surroundings: Surroundings): void {
  const opener = openerFor(surroundings);
  if (opener === undefined) return;
  const child = spawn(opener, [folder], { detached: true, stdio: 'ignore' });
  child.on('error', () => {});
  child.unref();
}
