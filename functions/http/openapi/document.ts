/** Makes the OpenAPI 3.1 description of the interface from the table of routes. https://spec.openapis.org/oas/v3.1.1 */
import { VERSION } from '../../base/version.ts';
import { problemSchema } from '../../model/answers/problem.ts';
import { eventSchema } from '../../model/answers/webhook.ts';
import { COMMON_HEADERS, type Described } from '../route.ts';
import { SCHEMA_NAMES } from './names.ts';
import { EVERY_ANSWER, headersOf, operationOf } from './operation.ts';
import { problemContent, problemDescription, problemHeaders, problemsOf } from './problems.ts';
import { createComponents, type Schema } from './schemas.ts';
import { INTRODUCTION, SECURITY, SECURITY_SCHEMES, TAGS, webhooksOf } from './texts.ts';

export type OpenApiDocument = Readonly<Record<string, unknown>>;

/** Without the address of the service, which differs from caller to caller. */
export function openApiDocument(routes: readonly Described[]): OpenApiDocument {
  const components = createComponents(
    [...routes.flatMap(schemasOf), eventSchema, problemSchema],
    SCHEMA_NAMES,
  );
  const byPath = Map.groupBy(routes, ({ path }) => path);
  const paths = Object.fromEntries(
    [...byPath].map(([path, here]) => [
      path,
      Object.fromEntries(here.map((route) => [route.method.toLowerCase(), operationOf(route, components)])),
    ]),
  );
  components.place(problemSchema, 'problem');
  const responses = routes.flatMap(problemsOf).map((problem) => [
    problem.name,
    {
      description: problemDescription(problem),
      headers: { ...EVERY_ANSWER, ...headersOf(problemHeaders(problem), components) },
      content: problemContent(problem),
    },
  ]);
  const used = new Set(routes.map(({ tag }) => tag));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Every Cut',
      version: VERSION,
      summary: 'Clips in, every combination out as a finished video.',
      description: INTRODUCTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [],
    security: SECURITY,
    tags: TAGS.filter(({ name }) => used.has(name)),
    paths,
    webhooks: webhooksOf(components.place(eventSchema, 'event')),
    components: {
      schemas: components.schemas,
      responses: Object.fromEntries(responses),
      headers: headersOf(COMMON_HEADERS, components),
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function schemasOf(route: Described): Schema[] {
  return [route.body?.schema, ...Object.values(route.answers).map(({ schema }) => schema)].filter(
    (schema) => schema !== undefined,
  );
}
