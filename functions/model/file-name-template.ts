/** Templates of file names: `{index}-hook{n:hooks}-{voice}`. */
import type { MistakeCode } from '../base/errors.ts';
import { escapeHidden } from '../base/hidden-characters.ts';
import { remembered } from '../base/remembered.ts';
import { nearestName, shown } from './mistakes.ts';
import { cutToSize, nameSize, portableStem, portableText } from './portable-name.ts';

/** What a template may name. Those of BLOCK_VALUES are followed by the name of a block: `{n:hooks}`. */
export const PLAIN_VALUES = [
  'index',
  'task',
  'format',
  'track',
  'line',
  'voice',
  'id',
  'language',
  'group',
] as const;
export const BLOCK_VALUES = ['block', 'n'] as const;
export type PlainValue = (typeof PLAIN_VALUES)[number];
type BlockValue = (typeof BLOCK_VALUES)[number];

/** A piece of a template: a text as it is, or what stands for a value. */
export type Piece =
  | { kind: 'text'; text: string }
  | { kind: PlainValue }
  | { kind: BlockValue; block: string };

/** What a template gives for one video. */
export interface Values {
  /** '' if the video has none. */
  plain: Readonly<Record<PlainValue, string>>;
  /** Of a block: the name of the video's clip, and its number in the block, from 1. */
  block: (name: string) => { clip: string; number: string };
}

export interface TemplateMistake {
  code: MistakeCode;
  message: string;
}

/** Cut if a name is too long: texts that others wrote. Numbers, ids and formats stay whole, because they tell names apart. */
const CUT: readonly string[] = ['task', 'track', 'voice', 'block', 'group'];
const TOKENS = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/gu;
const LITERALLY: Readonly<Record<string, string>> = { '{{': '{', '}}': '}' };
const VIDEO_END = /\.(mp4|mov|m4v)$/i;
/** Tasks are worked on in turn. */
const TEMPLATES_KEPT = 20;
/** A value gets at least so much room if there are several long ones. */
const LEAST_ROOM = 8;

/** Of a template that has no mistake. */
export const readTemplate = remembered((template: string): readonly Piece[] => {
  return Array.from(template.matchAll(TOKENS), ([token, inner]) => {
    if (inner === undefined) return { kind: 'text', text: LITERALLY[token] ?? token };
    const colon = inner.indexOf(':');
    if (colon < 0) return { kind: inner as PlainValue };
    return { kind: inner.slice(0, colon) as BlockValue, block: inner.slice(colon + 1) };
  });
}, TEMPLATES_KEPT);

/** The first mistake in a template; undefined if there is none. @param blocks names of the video blocks */
export function templateMistake(template: string, blocks: readonly string[]): TemplateMistake | undefined {
  for (const [token, inner] of template.matchAll(TOKENS)) {
    const found = inner === undefined ? textMistake(token) : valueMistake(inner, blocks);
    if (found !== undefined) return found;
  }
  const end = VIDEO_END.exec(template)?.[0];
  if (end === undefined) return undefined;
  return invalid(`a template without the extension, got one with ${end}. Leave it out: .mp4 is added.`);
}

function textMistake(token: string): TemplateMistake | undefined {
  if (token === '{' || token === '}') {
    return invalid(
      `each brace with its partner, got a single ${token}. Write ${token}${token} for the character itself.`,
    );
  }
  const text = LITERALLY[token] ?? token;
  if (/[/\\]/.test(text)) {
    return invalid(
      `a file name, got a path: ${shown(text)}. Leave out / and \\: formats and groups of lines have sub-folders.`,
    );
  }
  const odd = Array.from(text).find((character) => portableText(character) === '_' && character !== '_');
  if (odd === undefined) return undefined;
  return invalid(
    `characters that every system allows in file names, got ${escapeHidden(shown(odd))}. Leave it out.`,
  );
}

function valueMistake(inner: string, blocks: readonly string[]): TemplateMistake | undefined {
  const colon = inner.indexOf(':');
  const name = colon < 0 ? inner : inner.slice(0, colon);
  const isBlockValue = (BLOCK_VALUES as readonly string[]).includes(name);
  if (colon < 0 && (PLAIN_VALUES as readonly string[]).includes(name)) return undefined;
  if (colon < 0 || !isBlockValue) {
    const known = [
      ...PLAIN_VALUES.map(String),
      ...BLOCK_VALUES.flatMap((value) => blocks.map((block) => `${value}:${block}`)),
    ];
    return unknown(inner, known, [...PLAIN_VALUES, ...BLOCK_VALUES.map((value) => `${value}:BLOCK`)]);
  }
  const block = inner.slice(colon + 1);
  if (blocks.includes(block)) return undefined;
  const known = blocks.map((other) => `${name}:${other}`);
  return unknown(inner, known, known);
}

function unknown(inner: string, known: readonly string[], listed: readonly string[]): TemplateMistake {
  const nearest = nearestName(inner, known);
  const next = nearest === undefined ? 'Use one of these.' : `Did you mean {${nearest}}?`;
  const all = listed.map((name) => `{${name}}`).join(', ');
  return { code: 'unknown', message: `Expected one of ${all}, got ${shown(`{${inner}}`)}. ${next}` };
}

function invalid(expectedAndGot: string): TemplateMistake {
  return { code: 'invalid', message: `Expected ${expectedAndGot}` };
}

export function hasValue(template: string, value: PlainValue): boolean {
  return readTemplate(template).some(({ kind }) => kind === value);
}

/** The same template with the name of the only format in its place. */
export function withFormat(template: string, format: string): string {
  return template.replace(TOKENS, (token) => (token === '{format}' ? format : token));
}

/** The same template with the id of the task: before the format, which uploaders read at the end. */
export function withId(template: string): string {
  const [, start, end] = /^(.*?)([_\-. ]*\{format\})$/s.exec(template) ?? [undefined, template, ''];
  if (start !== '') return `${start}-{id}${end}`;
  return `{id}${end?.startsWith('{') ? '_' : ''}${end}`;
}

/**
 * The beginning of a file name. If it would be too long, its long values are cut, the longest ones first.
 * @param most size of it
 * @returns undefined if even that leaves no room
 */
export function fillTemplate(pieces: readonly Piece[], values: Values, most: number): string | undefined {
  const parts = pieces.map((piece) => ({ text: textOf(piece, values), isCut: CUT.includes(piece.kind) }));
  const whole = portableStem(...parts.map(({ text }) => text));
  if (nameSize(whole) <= most) return whole;
  const fixed = parts.filter(({ isCut }) => !isCut).reduce((sum, { text }) => sum + nameSize(text), 0);
  const sizes = parts.filter(({ isCut }) => isCut).map(({ text }) => nameSize(text));
  if (sizes.length === 0) return undefined;
  // Less, should parts take more room together than each for itself.
  for (let room = roomFor(sizes, most - fixed); room >= LEAST_ROOM; room--) {
    const cut = portableStem(...parts.map(({ text, isCut }) => (isCut ? cutToSize(text, room) : text)));
    if (nameSize(cut) <= most) return cut;
  }
  return undefined;
}

/** The most that each may take, so that all of them fit into `most` together. */
function roomFor(sizes: readonly number[], most: number): number {
  let left = most;
  for (const [at, size] of sizes.toSorted((one, other) => one - other).entries()) {
    const share = Math.floor(left / (sizes.length - at));
    if (size > share) return share;
    left -= size;
  }
  return most;
}

function textOf(piece: Piece, { plain, block }: Values): string {
  if (piece.kind === 'text') return piece.text;
  if (piece.kind === 'n') return block(piece.block).number;
  return portableText(piece.kind === 'block' ? block(piece.block).clip : plain[piece.kind]);
}
