import { accessSchema } from '../../model/answers/access.ts';
import { ACCESS, type AccessDeps, accessOf, checkAccess, giveAccess } from '../access.ts';
import { ACCESS_GIVEN } from '../examples.ts';
import { type Route, TASK_ID } from '../route.ts';

export const ACCESS_ROUTES: readonly Route<AccessDeps>[] = [
  {
    name: 'access',
    method: 'POST',
    path: '/tasks/{task_id}/access',
    tag: 'Videos',
    summary: 'Let a browser read the files of a task without the API key',
    description:
      'A page cannot send the key with the address of a video or of a download. Whoever has the token can read the videos, the ' +
      'manifest and the zip of this task, and nothing else, for 12 hours.',
    parameters: { task_id: TASK_ID },
    answers: { 201: { description: 'The token.', schema: accessSchema, example: ACCESS_GIVEN } },
    codes: [],
    answer: ({ path }, deps) => giveAccess(path['task_id'] as string, deps),
  },
];

/** The same route, which an access token of its task also opens. */
export function orByAccess<D extends AccessDeps>(route: Route<D>): Route<D> {
  return {
    ...route,
    query: {
      ...route.query,
      [ACCESS]: {
        description: 'A token of POST /tasks/{task_id}/access, in place of the API key.',
        schema: { type: 'string' },
      },
    },
    codes: [...route.codes, 'access_forbidden'],
    permissionOf: accessOf,
    answer: (call, deps) => {
      checkAccess(call, deps);
      return route.answer(call, deps);
    },
  };
}
