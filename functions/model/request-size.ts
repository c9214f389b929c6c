/**
 * Refuses requests whose check would take long: it takes a step per value, and ajv copies the name of a block for each
 * of its URLs. Only such requests are refused before all other mistakes are known.
 */
import type { Mistake } from '../base/errors.ts';
import { MAX_NAME } from './fields/sources.ts';
import { escapePointer, shown } from './mistakes.ts';

/** Far more than the clips, tracks and lines that the combinations of one task can use. */
const MAX_VALUES = 10_000;

/** The first mistake of this kind in a body of any shape. */
export function sizeMistake(body: unknown): Mistake | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  let count = 0;
  for (const [field, value] of Object.entries(body)) {
    // Its depth is checked, and nothing else.
    if (field === 'metadata') continue;
    count += valuesIn(value, MAX_VALUES - count);
    if (count > MAX_VALUES) return tooMany(field);
  }
  const { video_blocks, audio_blocks } = body as Record<string, unknown>;
  return longName('video_blocks', video_blocks) ?? longName('audio_blocks', audio_blocks);
}

/** The value itself and all values in it; stops counting beyond `most`. */
function valuesIn(value: unknown, most: number): number {
  const found = [value];
  for (let at = 0; at < found.length && found.length <= most; at++) {
    const { [at]: next } = found;
    if (typeof next !== 'object' || next === null) continue;
    for (const inner of Object.values(next)) found.push(inner);
  }
  return found.length;
}

function tooMany(field: string): Mistake {
  const message = `Expected at most ${MAX_VALUES} values in a request, without metadata, got more. Split the task.`;
  return { pointer: `/${escapePointer(field)}`, code: 'too_many', message };
}

function longName(field: string, blocks: unknown): Mistake | undefined {
  if (typeof blocks !== 'object' || blocks === null || Array.isArray(blocks)) return undefined;
  const name = Object.keys(blocks).find((name) => name.length > MAX_NAME);
  if (name === undefined) return undefined;
  const message = `Expected a name of at most ${MAX_NAME} characters, got ${shown(name)}. Shorten it.`;
  return { pointer: `/${field}/${escapePointer(name)}`, code: 'too_many', message };
}
