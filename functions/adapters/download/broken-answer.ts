/** Answers that are not valid HTTP: what is wrong with them, in words. */
import { type PermanentError, TransientError } from '../../base/errors.ts';
import { permanent } from '../shared/network-errors.ts';

/** Browsers bear up to 256 KB. Walls against robots and sign-ins set many cookies, usually some 20 KB. */
export const MAX_HEADER_BYTES = 65_536;

/** https://github.com/nodejs/llhttp: the codes of Node's parser. */
const IN_WORDS: Readonly<Record<string, string>> = {
  HPE_UNEXPECTED_CONTENT_LENGTH: 'more than one Content-Length',
  HPE_INVALID_CONTENT_LENGTH: 'a Content-Length that is not a length',
  HPE_INVALID_HEADER_TOKEN: 'a header line that does not begin with a name and a colon',
  HPE_INVALID_CONSTANT: 'something that is not HTTP',
  HPE_INVALID_VERSION: 'a version of HTTP that does not exist',
  HPE_INVALID_STATUS: 'a status that is not a number',
  HPE_INVALID_CHUNK_SIZE: 'a chunk without a valid length',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'chunks with more than 16 KB of extensions',
};

/** Such an answer comes again at each try, so the error is permanent. Other errors are returned unchanged. */
export function brokenAnswer(error: Error, where: string): Error {
  const { code = '', reason = '' } = error as NodeJS.ErrnoException & { reason?: string };
  if (code === 'HPE_HEADER_OVERFLOW') {
    return permanent(
      'source_refused',
      `Expected at most ${MAX_HEADER_BYTES / 1024} KB of headers from ${where}, got too many`,
      'configure its server to send fewer headers and cookies',
    );
  }
  if (!code.startsWith('HPE_')) return error;
  return refused(where, IN_WORDS[code] ?? 'something else', reason);
}

function refused(where: string, got: string, reason: string): PermanentError {
  return permanent(
    'source_refused',
    `Expected an answer in valid HTTP from ${where}, got ${got} (${reason})`,
    "tell whoever runs its server, or put the file on another one and use that file's address",
  );
}

/** Whether the server ended the connection in the middle of a body: Node has no code of its own for that. */
export function isCutShort(error: unknown): boolean {
  return (
    error instanceof Error && error.message === 'aborted' && 'code' in error && error.code === 'ECONNRESET'
  );
}

export function cutShort(where: string, bytes: number, announced: number | undefined): TransientError {
  const expected = announced === undefined ? 'all chunks' : `${announced} bytes`;
  return new TransientError(
    'source_cut',
    `Expected ${expected} of ${where}, got the end of the connection after ${bytes} bytes.`,
  );
}
