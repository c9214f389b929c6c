/** Names the files and lines that a refusal of the service is about: it knows them by their places in the request only. */
import { fileURLToPath } from 'node:url';
import { counted } from '../../functions/base/counted.ts';
import { ServiceError } from '../../functions/client/client.ts';
import type { Job } from './read-job.ts';
import { shownPath } from './shown-path.ts';

/** The same error, unless it lists mistakes. */
export function explained(error: unknown, { request, target }: Pick<Job, 'request' | 'target'>): unknown {
  if (!ServiceError.is(error) || error.mistakes.length === 0) return error;
  const lines = mistakeLines(error.mistakes, { request, target }).map((line) => `  ${line}`);
  const count = counted(error.mistakes.length, 'mistake');
  return new Error(`The service refuses the request (${count}); nothing was started:\n${lines.join('\n')}`, {
    cause: error,
  });
}

/** One for each mistake. */
export function mistakeLines(
  mistakes: readonly { pointer: string; message: string }[],
  { request, target }: { request: unknown; target: string },
): string[] {
  return mistakes.map(({ pointer, message }) => {
    const place = placeOf(request, pointer);
    const shown = place?.startsWith('file:') ? shownPath(fileURLToPath(place), target) : place;
    const where = [shown, pointer].filter((part) => part !== undefined && part !== '').join(' at ');
    return `${where === '' ? '' : `${where}: `}${message}`;
  });
}

/** The nearest text to a JSON Pointer that people know: a file, or a spoken line. */
function placeOf(request: unknown, pointer: string): string | undefined {
  let value: unknown = request;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const next = (value as Record<string, unknown> | null)?.[name];
    if (typeof next === 'string' && next.startsWith('file:')) return next;
    if (typeof next !== 'object' || next === null) break;
    value = next;
  }
  const text = (value as { text?: unknown }).text;
  return typeof text === 'string' ? JSON.stringify(text.slice(0, 40)) : undefined;
}
