/** One address of the interface as an operation of the description. */
import { type Answer, COMMON_HEADERS, type Described, type Parameter } from '../route.ts';
import { type ProblemAnswer, problemContent, problemHeaders, problemsOf } from './problems.ts';
import type { Components } from './schemas.ts';
import { SECURITY } from './texts.ts';

type Parameters = Readonly<Record<string, Parameter>>;

/** References to what every answer may have. */
export const EVERY_ANSWER = Object.fromEntries(
  Object.keys(COMMON_HEADERS).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);

export function operationOf(route: Described, components: Components): object {
  const { name, tag, summary, description, body } = route;
  const parameters = [
    ...parametersOf('path', route.parameters, components),
    ...parametersOf('query', route.query, components),
    ...parametersOf('header', route.headers, components),
  ];
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...securityOf(route),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined ? {} : { requestBody: bodyOf(name, body, components) }),
    responses: responsesOf(route, components),
  };
}

/** `{}`: also without a key. */
function securityOf({ isOpen, permissionOf }: Described): object {
  if (isOpen) return { security: [] };
  return permissionOf === undefined ? {} : { security: [{}, ...SECURITY] };
}

function responsesOf(route: Described, components: Components): object {
  const problems = problemsOf(route).map(({ status, name }) => [
    status,
    { $ref: `#/components/responses/${name}` },
  ]);
  const answers = Object.entries(route.answers).map(([status, answer]) => {
    const problem = problemsOf(route).find((known) => known.status === Number(status));
    return [status, responseOf(`${route.name}-answer`, answer, components, problem)];
  });
  // An answer of the same status comes last, because it has the problem, too.
  return Object.fromEntries([...problems, ...answers]);
}

export function headersOf(headers: Parameters, components: Components): Record<string, object> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, { description, schema }]) => [
      name,
      { description, schema: components.place(schema, name) },
    ]),
  );
}

function parametersOf(place: string, parameters: Parameters = {}, components: Components): object[] {
  return Object.entries(headersOf(parameters, components)).map(([name, described]) => ({
    name,
    in: place,
    ...(place === 'path' || parameters[name]?.isRequired ? { required: true } : {}),
    ...described,
  }));
}

function bodyOf(
  name: string,
  { schema, media = 'application/json', examples }: NonNullable<Described['body']>,
  components: Components,
): object {
  const shown = Object.entries(examples ?? {}).map(([title, value]) => [title, { summary: title, value }]);
  return {
    required: true,
    content: {
      [media]: {
        ...(schema === undefined ? {} : { schema: components.place(schema, `${name}-request`) }),
        ...(shown.length > 0 ? { examples: Object.fromEntries(shown) } : {}),
      },
    },
  };
}

/** @param problem what else has the same status */
function responseOf(
  name: string,
  answer: Answer,
  components: Components,
  problem: ProblemAnswer | undefined,
): object {
  const { description, schema, media = [], headers = {}, example } = answer;
  const shown = example === undefined ? {} : { example };
  const content = {
    ...(schema === undefined
      ? {}
      : { 'application/json': { schema: components.place(schema, name), ...shown } }),
    ...Object.fromEntries(media.map((type) => [type, shown])),
    ...(problem === undefined ? {} : problemContent(problem)),
  };
  const own = { ...headers, ...(problem === undefined ? {} : problemHeaders(problem)) };
  return {
    description,
    headers: { ...EVERY_ANSWER, ...headersOf(own, components) },
    ...(Object.keys(content).length > 0 ? { content } : {}),
  };
}
