/** Checks query parameters: those that a route does not take, or that come twice, are refused and never ignored. */
import { type Mistake, RequestError } from '../base/errors.ts';
import { escapePointer, nearestName, shown, shownPointer } from '../model/mistakes.ts';

/** Most mistakes of an answer. No query of this interface has as many parameters. */
const MOST_LISTED = 10;

/**
 * Throws RequestError invalid_request, naming each unknown or repeated parameter once.
 * @param inBody the fields that the same request has in its body
 */
export function checkQuery(
  query: URLSearchParams,
  known: readonly string[],
  inBody: readonly string[] = [],
): void {
  const names = [...new Set(query.keys())];
  const mistakes = names.flatMap((name) => {
    const isKnown = known.includes(name);
    const message = isKnown ? repeated(name, query) : unknown(name, known, inBody);
    const pointer = shownPointer(`/${escapePointer(name)}`);
    return message === undefined
      ? []
      : [{ pointer, code: isKnown ? 'repeated' : 'unknown', message } as const];
  });
  if (mistakes.length > 0) throw refused(mistakes);
}

export function queryMistake(parameter: string, message: string): RequestError {
  return refused([{ pointer: `/${parameter}`, code: 'invalid', message }]);
}

/** The value of a parameter that takes one of a few; undefined without it. Throws RequestError invalid_request. */
export function choiceOf<T extends string>(
  parameter: string,
  text: string | null,
  known: readonly T[],
): T | undefined {
  if (text === null || text === '') return undefined;
  const choice = known.find((one) => one === text);
  if (choice !== undefined) return choice;
  throw queryMistake(
    parameter,
    `Expected one of ${known.join(', ')}, got ${JSON.stringify(text.slice(0, 40))}. Leave it out for all.`,
  );
}

function repeated(name: string, query: URLSearchParams): string | undefined {
  const times = query.getAll(name).length;
  return times > 1 ? `Expected ${name} once, got it ${times} times. Leave out all but one.` : undefined;
}

function unknown(name: string, known: readonly string[], inBody: readonly string[]): string {
  if (known.length === 0)
    return `Expected no query parameters, because this address takes none, got ${shown(name)}. Remove it.`;
  const nearest = nearestName(name, [...known, ...inBody]);
  const where = known.includes(nearest ?? '') ? '' : ' in the body';
  const next = nearest === undefined ? 'Remove it.' : `Did you mean ${nearest}${where}?`;
  return `Expected no query parameters but ${known.join(', ')}, got ${shown(name)}. ${next}`;
}

function refused(mistakes: readonly Mistake[]): RequestError {
  const listed = mistakes.slice(0, MOST_LISTED);
  const more = mistakes.length - listed.length;
  if (more > 0)
    listed.push({
      pointer: '',
      code: 'more',
      message: `and ${more} more. Fix these first, then send it again.`,
    });
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  return new RequestError('invalid_request', `The query has ${count}.`, { mistakes: listed });
}
