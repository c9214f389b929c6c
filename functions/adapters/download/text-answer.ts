/** Tells a page, or another text that a server sends in place of the file, by its bytes. */
import type { PermanentError } from '../../base/errors.ts';
import { permanent } from '../shared/network-errors.ts';
import { type Answerer, signInNeeded } from './answer.ts';
import { asksForPassword, codeIn, forwards } from './page-text.ts';

/** Enough to know a text by. */
export const HEAD_BYTES = 1024;

export type TextKind = 'html' | 'xml' | 'json' | 'text';

const HTML = /<(!doctype\s+html|html|head|body|script|iframe|h1|div)\b/i;
/** Declarations and comments, such as a licence, before the first tag. */
const PREAMBLE = /^(<!--[\s\S]*?-->\s*|<\?[\s\S]*?\?>\s*)+/;
/** With its document type, if it has one. */
const SVG = /^(?:<!doctype\s+svg[^>]{0,500}>\s*)?<svg[\s>]/i;
const JSON_START = /^(\{\s*["}]|\[\s*["{[\]\d-])/;

/**
 * What kind of text the file begins as; undefined if it may be media. No media file that is accepted begins as a text.
 * @param start at least HEAD_BYTES; more of it tells more of what follows a long comment
 * @param contentType decides only what kind of text a text is
 */
export function textKind(start: Buffer, contentType: string): TextKind | undefined {
  const text = plain(start);
  if (text === '' || start.some(isBinary)) return undefined;
  if (text.startsWith('<')) {
    const first = text.replace(PREAMBLE, '').slice(0, HEAD_BYTES);
    return HTML.test(first) || /html/i.test(contentType) ? 'html' : 'xml';
  }
  if (JSON_START.test(text)) return 'json';
  return /^\s*text\//i.test(contentType) ? 'text' : undefined;
}

/** @param page as much of it as is needed to find what it is */
export function textError(kind: TextKind, page: Buffer, { where, isSignIn }: Answerer): PermanentError {
  const text = plain(page);
  if (kind === 'html' && (isSignIn || asksForPassword(text))) {
    return signInNeeded(where, 'a web page (HTML) that asks to sign in');
  }
  const [got, next] = described(kind, text);
  return permanent('media_unreadable', `Expected a media file at ${where}, got ${got}`, next);
}

function described(kind: TextKind, text: string): readonly [got: string, next: string] {
  if (kind === 'html') {
    return forwards(text)
      ? [
          'a web page (HTML) that forwards browsers elsewhere (meta refresh)',
          'use the address that it leads to',
        ]
      : ['a web page (HTML)', 'use the address of the file itself, not of the page that shows it'];
  }
  if (kind === 'xml' && SVG.test(text.replace(PREAMBLE, ''))) return ['an SVG', 'export it as PNG'];
  const code = kind === 'xml' ? codeIn(text) : undefined;
  const name = kind === 'text' ? 'a plain text' : kind.toUpperCase();
  return [
    `${name} instead${code === undefined ? '' : ` (${code})`}`,
    'open the URL in a browser to see what its server says',
  ];
}

/** A byte that no text has: https://mimesniff.spec.whatwg.org/#binary-data-byte */
function isBinary(byte: number): boolean {
  return byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1f && byte !== 0x1b);
}

/** As Latin-1, in which every byte is a character; without the mark of UTF-8 and the space before the text. */
function plain(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
}
