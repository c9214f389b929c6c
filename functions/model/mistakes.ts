import type { ErrorObject } from 'ajv';
import { closest, distance } from 'fastest-levenshtein';
import type { Mistake } from '../base/errors.ts';

/** Longest part of a value that a message repeats. */
const SHOWN = 60;
/** Longest name that is compared with the known ones. None of them has half as many letters. */
const MAX_TYPO = 40;
/** Longest pointer of an answer: a name in it may have as many characters as the body. */
const MAX_POINTER = 300;

interface Annotated {
  type?: string;
  expected?: string;
  hint?: string;
  properties?: Record<string, Annotated>;
}

/**
 * Turns ajv's errors into mistakes, at most one per value, however many keywords it violates. Errors of `if`
 * only report that a branch failed and are left out.
 */
export function mistakesOf(errors: readonly ErrorObject[]): Mistake[] {
  const mistakes = new Map<string, Mistake>();
  const misspelt = new Set(errors.map(likelyMeant));
  for (const error of errors) {
    if (error.keyword === 'if') continue;
    // A misspelt required field is one mistake, not both an unknown field and a missing one.
    if (error.keyword === 'required' && misspelt.has(pathOf(error, error.params['missingProperty'])))
      continue;
    const found = error.keyword === 'uniqueItems' ? repeatedEntries(error) : [mistakeOf(error)];
    for (const mistake of found) if (!mistakes.has(mistake.pointer)) mistakes.set(mistake.pointer, mistake);
  }
  return [...mistakes.values()];
}

function mistakeOf(error: ErrorObject): Mistake {
  const schema = error.parentSchema as Annotated;
  if (error.keyword === 'required') {
    const missing = String(error.params['missingProperty']);
    const wanted = branchOf(schema.properties?.[missing]);
    return {
      pointer: pathOf(error, missing),
      code: 'missing',
      message: `Expected ${wanted?.expected ?? missing}, got nothing. ${wanted?.hint ?? 'Add it.'}`,
    };
  }
  if (error.keyword === 'additionalProperties') {
    const unknown = String(error.params['additionalProperty']);
    return {
      pointer: pathOf(error, unknown),
      code: 'unknown',
      message: unknownField(unknown, Object.keys(schema.properties ?? {})),
    };
  }
  const next = isQuoted(error.data, schema) ? 'Write it without quotes.' : (meantValue(error) ?? schema.hint);
  return {
    pointer: error.instancePath,
    code: 'invalid',
    message: `Expected ${schema.expected}, got ${shown(error.data)}. ${next}`,
  };
}

/** All of them; ajv names one pair. Entries of such lists are texts, so a Set can compare them. */
function repeatedEntries({ instancePath, data }: ErrorObject): Mistake[] {
  const seen = new Set<unknown>();
  return (data as unknown[]).flatMap((entry, at) => {
    if (!seen.has(entry)) {
      seen.add(entry);
      return [];
    }
    const message = `Expected each entry once, got ${shown(entry)} again. Remove it.`;
    return [{ pointer: `${instancePath}/${at}`, code: 'repeated' as const, message }];
  });
}

/** The hint for a misspelt value of a list of names. */
function meantValue({ keyword, data, params }: ErrorObject): string | undefined {
  if (keyword !== 'enum' || typeof data !== 'string') return undefined;
  const names = (params['allowedValues'] as unknown[]).filter((value) => typeof value === 'string');
  const meant = nearestName(data, names);
  return meant === undefined ? undefined : `Did you mean ${meant}?`;
}

function isQuoted(value: unknown, { type }: Annotated): boolean {
  if (typeof value !== 'string') return false;
  return type === 'boolean'
    ? /^(true|false)$/.test(value)
    : ['integer', 'number'].includes(type ?? '') && /^-?\d+(\.\d+)?$/.test(value);
}

/** The two forms of blocks are branches of one schema, with the same texts. */
function branchOf(schema: (Annotated & { else?: Annotated }) | undefined): Annotated | undefined {
  return schema?.expected === undefined ? schema?.else : schema;
}

/** The pointer to the field that was probably meant by an unknown one. */
function likelyMeant(error: ErrorObject): string | undefined {
  if (error.keyword !== 'additionalProperties') return undefined;
  const known = Object.keys((error.parentSchema as Annotated).properties ?? {});
  const meant = nearestName(String(error.params['additionalProperty']), known);
  return meant === undefined ? undefined : pathOf(error, meant);
}

/** The known name that was probably meant; undefined if none is near enough. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0 || name.length > MAX_TYPO) return undefined;
  const nearest = closest(name, known);
  // With more than half of the letters wrong it is hardly a typing mistake.
  return distance(name, nearest) <= Math.ceil(nearest.length / 2) ? nearest : undefined;
}

function pathOf(error: ErrorObject, field: unknown): string {
  return `${error.instancePath}/${escapePointer(String(field))}`;
}

function unknownField(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  const next = nearest === undefined ? 'Remove it.' : `Did you mean ${nearest}?`;
  return `Expected one of ${known.join(', ')}, got the unknown field ${shown(name)}. ${next}`;
}

/** A value for a message: short; lists and objects by their size. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (value !== null && typeof value === 'object') {
    const size = Object.keys(value).length;
    return size === 0 ? 'an empty object' : `an object with ${size} fields`;
  }
  const text = JSON.stringify(typeof value === 'string' ? value.slice(0, SHOWN + 1) : value) ?? 'nothing';
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

/** A JSON Pointer for an answer. A long one ends in "…" and still says where to look. */
export function shownPointer(pointer: string): string {
  return pointer.length <= MAX_POINTER ? pointer : `${pointer.slice(0, MAX_POINTER)}…`;
}

/** RFC 6901. */
export function escapePointer(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}
