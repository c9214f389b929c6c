/** Checks bodies by their schemas, and refuses them with all their mistakes. */
import { Ajv, type Schema, type ValidateFunction } from 'ajv';
import { type Mistake, RequestError } from '../base/errors.ts';
import { shownPointer } from './mistakes.ts';

/** Most mistakes that an answer lists. */
const MAX_MISTAKES = 100;

export const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, strictTypes: false });
ajv.addVocabulary(['expected', 'hint']);

/** Made with the first body: it takes a sixth of a start, and a process that only renders needs none. */
export function validatorOf<T>(schema: Schema): () => ValidateFunction<T> {
  let made: ValidateFunction<T> | undefined;
  return () => {
    made ??= ajv.compile<T>(schema);
    return made;
  };
}

export function invalidRequest(mistakes: readonly Mistake[]): RequestError {
  const once = [...new Map(mistakes.map((mistake) => [mistake.pointer, mistake])).values()];
  const count = once.length === 1 ? 'one mistake' : `${once.length} mistakes`;
  const listed = once
    .slice(0, MAX_MISTAKES)
    .map((mistake) => ({ ...mistake, pointer: shownPointer(mistake.pointer) }));
  const more = once.length - listed.length;
  if (more > 0)
    listed.push({
      pointer: '',
      code: 'more',
      message: `and ${more} more. Fix these first, then send it again.`,
    });
  return new RequestError('invalid_request', `The request has ${count}; nothing was started.`, {
    mistakes: listed,
  });
}
