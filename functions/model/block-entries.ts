/** Reads blocks of a body of any shape, for checks that name all mistakes of it. */
import { escapePointer } from './mistakes.ts';

export interface BlockEntry {
  /** Of its list of clips, below the field. */
  path: string;
  /** A text, unless the body is wrong. */
  name: unknown;
  urls: unknown[];
}

/** Blocks of either form. Skips values of any other shape. */
export function* blockEntries(blocks: unknown): Generator<BlockEntry> {
  if (Array.isArray(blocks)) {
    for (const [number, block] of blocks.entries()) {
      if (isObject(block) && Array.isArray(block['urls']))
        yield { path: `/${number}/urls`, name: block['name'], urls: block['urls'] };
    }
  } else if (isObject(blocks)) {
    for (const [name, urls] of Object.entries(blocks)) {
      if (Array.isArray(urls)) yield { path: `/${escapePointer(name)}`, name, urls };
    }
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
