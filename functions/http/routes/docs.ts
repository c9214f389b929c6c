import { asset, description, page } from '../docs.ts';
import { type OpenApiDocument, openApiDocument } from '../openapi/document.ts';
import type { Answer, Described, Parameter, Route } from '../route.ts';

const text = (description: string): Parameter => ({ description, schema: { type: 'string' } });

const cached = {
  ETag: text('Changes with the content.'),
  'Cache-Control': text('Browsers ask each time whether their copy is still the one.'),
};
const headers = {
  ...cached,
  'Content-Security-Policy': text('Nothing from elsewhere is loaded.'),
  'Content-Encoding': text('gzip, where Accept-Encoding allows it.'),
  Vary: text('Accept-Encoding.'),
};
const asked = { 'If-None-Match': text('The ETag of the copy that the caller has.') };
const answersOf = (answer: Answer) => ({
  200: { ...answer, headers },
  304: { description: 'The copy of the caller is still the one.', headers },
});

/** @param routes all routes, these among them */
export function docsRoutes(routes: () => readonly Described[]): readonly Route<unknown>[] {
  /** By the names of the routes that the service offers, which depend on its settings. */
  const documents = new Map<string, OpenApiDocument>();
  /** The same for all callers but for the address at which they reach the service. */
  const documentFor = (base: string, deps: unknown) => {
    const offered = routes().filter(({ isOffered }) => isOffered?.(deps as never) ?? true);
    const names = offered.map(({ name }) => name).join();
    const make = (): OpenApiDocument => {
      const document = documents.get(names) ?? openApiDocument(offered);
      documents.set(names, document);
      return { ...document, servers: [{ url: base }] };
    };
    return { key: `${base} ${names}`, make };
  };
  return [
    {
      name: 'openapi',
      method: 'GET',
      path: '/openapi.json',
      tag: 'Service',
      summary: 'Describe this interface in OpenAPI 3.1',
      isOpen: true,
      headers: asked,
      answers: answersOf({
        description: 'The description.',
        schema: { type: 'object', additionalProperties: true },
      }),
      codes: [],
      answer: (call, deps) => description(call, documentFor(call.base, deps)),
    },
    {
      name: 'docs',
      method: 'GET',
      path: '/docs',
      tag: 'Service',
      summary: 'Show this interface, and try it out',
      isOpen: true,
      headers: asked,
      answers: answersOf({ description: 'Swagger UI.', media: ['text/html'] }),
      codes: [],
      answer: page,
    },
    {
      name: 'docs-file',
      method: 'GET',
      path: '/docs/{file}',
      tag: 'Service',
      summary: 'A file that the page loads',
      isOpen: true,
      parameters: { file: text('Its name.') },
      headers: asked,
      answers: answersOf({
        description: 'The file.',
        media: ['text/javascript', 'text/css', 'image/png'],
      }),
      codes: [],
      answer: asset,
    },
  ];
}
