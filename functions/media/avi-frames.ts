/** Counts the frames at the end of an AVI that have no bytes: they repeat the one before, and ffmpeg drops them. */
import { ByteWindow } from './byte-window.ts';
import { chunksIn } from './riff-chunks.ts';

/** 0 for other files. */
export async function repeatedFrames(file: string, stream: number): Promise<number> {
  await using bytes = await ByteWindow.open(file);
  const number = String(stream).padStart(2, '0');
  const names = [`${number}dc`, `${number}db`];
  let repeated = 0;
  for await (const { type, size } of chunksIn(bytes, 0, isList)) {
    if (names.includes(type)) repeated = size === 0 ? repeated + 1 : 0;
  }
  return repeated;
}

function isList(type: string, list: string): boolean {
  return type === 'RIFF' ? /^AVI[ X]$/.test(list) : type === 'LIST' && ['movi', 'rec '].includes(list);
}
