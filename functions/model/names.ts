import type { Combination, Plan, Source } from './plan.ts';
import { driveFile } from './source-url.ts';

/** Digits that tell apart the files of tasks of one name. */
export const SHORT_ID_LENGTH = 6;
const MIN_INDEX_WIDTH = 4;
const MAX_STEM = 40;
/** Bytes for all stems together: file systems take names of 255 bytes, the rest is index, id and ending. */
const MAX_STEMS_BYTES = 200;

export function shortId(taskId: string): string {
  return taskId.slice(0, SHORT_ID_LENGTH);
}

/** `0001-hook-body-cta-1a2b3c.mp4`: the same for every delivery of the same render, and for its retry. */
export function fileName({ fileId, plan }: { fileId: string; plan: Plan }, combination: Combination): string {
  const width = Math.max(MIN_INDEX_WIDTH, String(plan.total).length);
  const index = String(combination.index).padStart(width, '0');
  const clips = combination.clips.map((clip) => stem(urlOf(plan.sources[clip])));
  const room = Math.floor((MAX_STEMS_BYTES - clips.length) / clips.length);
  const stems = clips.map((name) => cutToBytes(name, room)).join('-');
  return `${index}-${stems}-${shortId(fileId)}.mp4`;
}

export function manifestName(taskId: string, extension: 'json' | 'csv'): string {
  return `manifest-${shortId(taskId)}.${extension}`;
}

/**
 * The last part of a URL's path without its ending, as a file name may carry it. Drive's links all end alike: of them it is
 * the id.
 */
export function stem(url: string): string {
  const parsed = URL.parse(url);
  const last = (parsed && driveFile(parsed)?.id) ?? parsed?.pathname.split('/').filter(Boolean).at(-1) ?? '';
  const name = decoded(last)
    .replace(/\.[A-Za-z0-9]{1,5}$/, '')
    .normalize('NFC')
    // Letters and digits of any alphabet; all else would trouble a shell, a spreadsheet or a file system.
    .replace(/[^\p{L}\p{M}\p{N}_-]+/gu, '_')
    .replace(/^[_-]+|[_-]+$/g, '');
  return [...name].slice(0, MAX_STEM).join('') || 'clip';
}

function urlOf(source: Source | undefined): string {
  return source === undefined || source.kind === 'line' ? '' : source.url;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The beginning of a text that fits into so many bytes, no character halved. */
export function cutToBytes(text: string, most: number): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > most) break;
    kept += character;
  }
  return kept;
}
