/** Mistakes in `include` and `exclude`, and how many combinations of clips are left. */
import type { Mistake } from '../base/errors.ts';
import { type BlockEntry, blockEntries, isObject } from './block-entries.ts';
import { clipName, givenName } from './clip-name.ts';
import { escapePointer, nearestName, shown } from './mistakes.ts';
import { ClipFinder, type NamedClips, type PartialCombination } from './rules.ts';
import { allowedBy, type SelectionRules } from './selection.ts';
import { readSourceUrl, type SourceRules } from './source-location.ts';

/** Names that a message lists. */
const MAX_NAMES = 10;
/** Names and next steps are looked for in so many mistakes of a field: an answer lists no more. */
const MAX_MISTAKES = 100;
const FIELDS = ['include', 'exclude'] as const;

interface ReadBlock extends NamedClips {
  /** All its clips have names: none of them is a mistake. */
  isRead: boolean;
  finder: ClipFinder;
}

export interface RuleCheck {
  mistakes: Mistake[];
  /** Combinations of clips that the rules allow, whatever the limit; undefined if that cannot be told. */
  allowed: number | undefined;
}

/** Accepts a body of any shape. */
export function checkRules(body: Record<string, unknown>, sources: SourceRules): RuleCheck {
  const blocks = [...blockEntries(body['video_blocks'])]
    .filter(({ urls }) => urls.length > 0)
    .map((entry) => readBlock(entry, sources));
  const product = blocks.reduce((count, { clips }) => count * clips.length, 1);
  const given = FIELDS.filter((field) => body[field] !== undefined);
  if (given.length === 0) return { mistakes: [], allowed: product };
  const mistakes = given.flatMap((field) => fieldMistakes(field, body[field], blocks));
  const isReadable = given.every((field) => isListOfRules(body[field])) && blocks.length > 0;
  if (mistakes.length > 0 || !isReadable || !blocks.every(({ isRead }) => isRead))
    return { mistakes, allowed: undefined };
  const allowed = allowedBy(blocks, body as SelectionRules);
  if (allowed === 'intricate') return { mistakes: [intricate(given)], allowed: undefined };
  if (allowed === null) return { mistakes: [nothingLeft(given)], allowed: undefined };
  return { mistakes: [], allowed: Number(allowed.count) };
}

function readBlock({ name, urls }: BlockEntry, sources: SourceRules): ReadBlock {
  const names = urls.map((clip) => nameOf(clip, sources));
  const isRead = typeof name === 'string' && !names.includes(undefined);
  const clips = names.map((clip) => ({ name: clip ?? '' }));
  return { name: String(name), clips, isRead, finder: new ClipFinder(clips) };
}

/** As the plan has it; undefined for a clip with a mistake. */
function nameOf(clip: unknown, sources: SourceRules): string | undefined {
  const { url, name } = isObject(clip) ? clip : { url: clip, name: undefined };
  if (typeof url !== 'string') return undefined;
  const read = readSourceUrl(url, sources);
  if ('got' in read) return undefined;
  return typeof name === 'string' ? givenName(name) : read.name;
}

/** A mistake whose message is made only if an answer lists it: looking for the nearest name takes time. */
interface Found extends Omit<Mistake, 'message'> {
  message: () => string;
}

function fieldMistakes(field: string, rules: unknown, blocks: readonly ReadBlock[]): Mistake[] {
  if (!Array.isArray(rules)) return [];
  const found = rules.flatMap((rule, number) =>
    isObject(rule) ? ruleMistakes(`/${field}/${number}`, rule, blocks) : [],
  );
  return found.map((mistake, at) => ({ ...mistake, message: at < MAX_MISTAKES ? mistake.message() : '' }));
}

function ruleMistakes(at: string, rule: Record<string, unknown>, blocks: readonly ReadBlock[]): Found[] {
  return Object.entries(rule).flatMap(([name, wanted]): Found[] => {
    const pointer = `${at}/${escapePointer(name)}`;
    const block = blocks.find((known) => known.name === name);
    if (block === undefined) return [unknownBlock(pointer, name, blocks)];
    if (typeof wanted === 'string') {
      const isKnown = !block.isRead || block.finder.placesOf(wanted).length > 0;
      return isKnown ? [] : [unknownClip(pointer, wanted, block)];
    }
    // Another value is a mistake by the schema.
    const isTooHigh = Number.isInteger(wanted) && (wanted as number) > block.clips.length;
    return isTooHigh ? [tooHigh(pointer, wanted as number, block)] : [];
  });
}

function unknownBlock(pointer: string, name: string, blocks: readonly ReadBlock[]): Found {
  const names = blocks.map((known) => known.name);
  const message = () =>
    `Expected ${oneOf(names)}, got the unknown block ${shown(name)}. ${nextStep(name, names)}`;
  return { pointer, code: 'unknown', message };
}

function unknownClip(pointer: string, wanted: string, { name, clips }: ReadBlock): Found {
  const isNumber = /^[1-9]\d{0,3}$/.test(wanted) && Number(wanted) <= clips.length;
  const message = () => {
    const names = [...new Set(clips.map((clip) => clip.name))];
    const next = isNumber ? 'If you mean its number, write it without quotes.' : nextStep(wanted, names);
    return `Expected a clip of block ${shown(name)}, ${oneOf(names)}, got ${shown(wanted)}. ${next}`;
  };
  return { pointer, code: 'unknown', message };
}

function tooHigh(pointer: string, wanted: number, { name, clips }: ReadBlock): Found {
  const message = () => {
    const most = clips.length;
    return `Expected the number of a clip of block ${shown(name)}, from 1 to ${most}, got ${wanted}. Correct it.`;
  };
  return { pointer, code: 'invalid', message };
}

function oneOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  const listed = names.slice(0, MAX_NAMES).map((name) => shown(name).slice(1, -1));
  return `one of ${listed.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function nextStep(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known) ?? nearestName(clipName(name), known);
  return nearest === undefined ? 'Correct the name.' : `Did you mean ${shown(nearest).slice(1, -1)}?`;
}

function isListOfRules(rules: unknown): rules is PartialCombination[] {
  const isWanted = (wanted: unknown) => typeof wanted === 'string' || Number.isInteger(wanted);
  return (
    Array.isArray(rules) &&
    rules.length > 0 &&
    rules.every((rule) => isObject(rule) && Object.values(rule).every(isWanted))
  );
}

function nothingLeft(given: readonly string[]): Mistake {
  const what = given.length > 1 ? 'some of what include allows' : 'some combinations';
  const message = `Expected rules that leave ${what}, got rules that leave none. Remove some of them.`;
  return { pointer: '/exclude', code: 'conflict', message };
}

function intricate(given: readonly string[]): Mistake {
  const message =
    'Expected rules that can be counted together, got too many that name different blocks of many clips. ' +
    'Write fewer rules, or split the task.';
  return { pointer: `/${given.at(-1)}`, code: 'too_many', message };
}
