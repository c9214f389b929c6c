/** One address of the interface as an operation of the description. */
import { type Answer, COMMON_HEADERS, type Described, type Parameter } from '../route.ts';
import { problemsOf } from './problems.ts';
import type { Components } from './schemas.ts';

type Parameters = Readonly<Record<string, Parameter>>;

/** References to what every answer may have. */
export const EVERY_ANSWER = Object.fromEntries(
  Object.keys(COMMON_HEADERS).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);

export function operationOf(route: Described, components: Components): object {
  const { name, tag, summary, description, isOpen, body } = route;
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
    ...(isOpen ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body === undefined ? {} : { requestBody: bodyOf(name, body, components) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, answer]) => [
          status,
          responseOf(`${name}-answer`, answer, components),
        ]),
      ),
      ...Object.fromEntries(
        problemsOf(route).map((problem) => [
          problem.status,
          { $ref: `#/components/responses/${problem.name}` },
        ]),
      ),
    },
  };
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
    ...(place === 'path' ? { required: true } : {}),
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

function responseOf(name: string, answer: Answer, components: Components): object {
  const { description, schema, media = [], headers = {}, example } = answer;
  const shown = example === undefined ? {} : { example };
  const content = {
    ...(schema === undefined
      ? {}
      : { 'application/json': { schema: components.place(schema, name), ...shown } }),
    ...Object.fromEntries(media.map((type) => [type, shown])),
  };
  return {
    description,
    headers: { ...EVERY_ANSWER, ...headersOf(headers, components) },
    ...(Object.keys(content).length > 0 ? { content } : {}),
  };
}
