/** Mistakes in `selection`, and in the groups of lines, which it needs. */
import type { Mistake } from '../base/errors.ts';
import { isObject } from './block-entries.ts';

/** Accepts a body of any shape. */
export function selectionMistakes(body: Record<string, unknown>): Mistake[] {
  const { selection, text_to_speech: speech, text_to_speach: alias } = body;
  const field = speech === undefined && alias !== undefined ? 'text_to_speach' : 'text_to_speech';
  const lines = body[field];
  const modes = isObject(selection) ? selection : {};
  return [
    ...withoutChoice('tracks', modes, body['audio_blocks'], 'audio_blocks'),
    ...withoutChoice('lines', modes, lines, 'text_to_speech'),
    ...(Array.isArray(lines) ? groupMistakes(field, lines, modes) : []),
  ];
}

/** Nothing would come of it. */
function withoutChoice(
  what: string,
  modes: Record<string, unknown>,
  field: unknown,
  name: string,
): Mistake[] {
  if (modes[what] === undefined || field !== undefined) return [];
  const message = `Expected ${name} with selection.${what}, got none. Add ${what}, or leave it out.`;
  return [{ pointer: `/selection/${what}`, code: 'conflict', message }];
}

/** A group is a folder: in each of them, people expect all combinations, and no videos beside the folders. */
function groupMistakes(field: string, lines: readonly unknown[], modes: Record<string, unknown>): Mistake[] {
  const groups = lines.map((line) => (isObject(line) ? line['group'] : undefined));
  const known = new Set(groups.filter((group) => group !== undefined));
  if (known.size === 0) return [];
  const missing = groups.flatMap((group, at) =>
    group !== undefined || !isObject(lines[at])
      ? []
      : [
          {
            pointer: `/${field}/${at}/group`,
            code: 'missing' as const,
            message: 'Expected a group for every line or for none, got a line without. Give it one.',
          },
        ],
  );
  if (known.size === 1 || modes['lines'] === 'each') return missing;
  const message =
    `Expected "each" for lines of ${known.size} groups, got ${modes['lines'] === undefined ? 'nothing' : 'another value'}. ` +
    'Set it, so that each group gets every combination, or leave the groups out.';
  return [...missing, { pointer: '/selection/lines', code: 'conflict', message }];
}
