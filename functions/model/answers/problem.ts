import type { FromSchema } from 'json-schema-to-ts';
import { REQUEST_CODES } from '../../base/codes.ts';
import { MISTAKE_CODES } from '../../base/errors.ts';
import { count, list, object, objectWith, oneOf, text } from './shape.ts';

/** RFC 9457. */
export const problemSchema = objectWith(
  {
    type: text('about:blank: the status says all.'),
    title: text('What happened.'),
    status: count('The HTTP status.'),
    detail: text('What was expected and what was found.'),
    code: oneOf(REQUEST_CODES, 'Stable, unlike the texts.'),
    hint: text('What to do next.'),
  },
  {
    errors: list(
      object({
        pointer: text('JSON Pointer into the request; empty: the request as a whole.'),
        code: oneOf(MISTAKE_CODES, 'The kind of mistake.'),
        message: text('What was expected, what was found and what to do.'),
      }),
      'Each mistake of an invalid request, at most 100.',
    ),
  },
);
export type ProblemDocument = FromSchema<typeof problemSchema>;
