import type { Parameter, Route } from '../route.ts';
import { type WebPageDeps, webFile, webPage } from '../web-page.ts';

const text = (description: string): Parameter => ({ description, schema: { type: 'string' } });

const headers = {
  ETag: text('Changes with the content.'),
  'Cache-Control': text('Browsers ask each time for the page; its files never change.'),
  'Content-Encoding': text('gzip, where Accept-Encoding allows it.'),
  Vary: text('Accept-Encoding.'),
};
const asked = { 'If-None-Match': text('The ETag of the copy that the caller has.') };
const unchanged = { description: 'The copy of the caller is still the one.', headers };

export const WEB: readonly Route<WebPageDeps>[] = [
  {
    name: 'page',
    method: 'GET',
    path: '/',
    tag: 'Service',
    summary: 'The page for people',
    description:
      'It uses this interface and nothing else, and asks for the API key if there is one. Any query is ignored.',
    isOpen: true,
    isPage: true,
    headers: asked,
    answers: {
      200: {
        description: 'The page.',
        media: ['text/html'],
        headers: { ...headers, 'Content-Security-Policy': text('Nothing from elsewhere is loaded.') },
      },
      304: unchanged,
    },
    codes: [],
    answer: webPage,
  },
  {
    name: 'page-file',
    method: 'GET',
    path: '/app/{build}/{folder}/{file}',
    aliases: ['/app/{build}/{folder}/{room}/{file}'],
    tag: 'Service',
    summary: 'A file that the page loads',
    isOpen: true,
    isPage: true,
    countedAs: 'file',
    parameters: {
      build: text('Names all files of the page together.'),
      folder: text('Its folder.'),
      file: text('Its name.'),
    },
    headers: asked,
    answers: {
      200: {
        description: 'The file.',
        media: ['text/javascript', 'text/css', 'image/svg+xml', 'font/ttf'],
        headers,
      },
      304: unchanged,
    },
    codes: [],
    answer: webFile,
  },
];
