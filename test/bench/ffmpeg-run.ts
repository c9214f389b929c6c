/** ffmpeg as a script would call it: none of the product's own code around it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export async function runFfmpeg(ffmpeg: string, args: readonly string[]): Promise<void> {
  await execute(ffmpeg, ['-nostdin', '-hide_banner', ...args], { env: {} });
}

/** "7.0.2-static", as its first line has it. */
export async function versionOf(ffmpeg: string): Promise<string> {
  const { stdout } = await execute(ffmpeg, ['-version'], { env: {} });
  return /^ffmpeg version (\S+)/.exec(stdout)?.[1] ?? 'of unknown version';
}
