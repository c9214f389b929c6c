/** Counts the frames at the end of an AVI that have no bytes: they repeat the one before, and ffmpeg drops them. */
import { ByteWindow } from './byte-window.ts';
import { chunksIn, RIFF } from './chunks.ts';

/** 0 for other files, and if something else stands among the frames, as those behind it are not known. */
export async function repeatedFrames(file: string, stream: number): Promise<number> {
  await using bytes = await ByteWindow.open(file);
  const number = String(stream).padStart(2, '0');
  const names = [`${number}dc`, `${number}db`];
  let [repeated, reached] = [0, 0];
  for await (const { type, size, end } of chunksIn(bytes, 0, RIFF, { isEntered: isList })) {
    if (names.includes(type)) repeated = size === 0 ? repeated + 1 : 0;
    reached = end + RIFF.gap(size);
  }
  return reached + RIFF.headerBytes > (await endOfLists(bytes, reached)) ? repeated : 0;
}

/** Anything may follow the last list. Its own size may be unknown, or wrong: then it ends with the file. */
async function endOfLists(bytes: ByteWindow, reached: number): Promise<number> {
  let last = 0;
  for await (const { type, end } of chunksIn(bytes, 0, RIFF)) if (type === 'RIFF') last = end;
  return last < reached ? bytes.size : Math.min(last, bytes.size);
}

function isList(type: string, list: string): boolean {
  return type === 'RIFF' ? /^AVI[ X]$/.test(list) : type === 'LIST' && ['movi', 'rec '].includes(list);
}
