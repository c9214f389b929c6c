/** Sends a file to where the service wants it. Fetch does not tell how far it is; XMLHttpRequest does. */
import { refusalOf, ServiceError } from '../../client/service-error.ts';

export interface SendOptions {
  signal: AbortSignal;
  /** Bytes so far; not called more often than a person can follow. */
  onSent: (bytes: number) => void;
}

const EVERY_MS = 250;

/**
 * @param headers exactly those of the answer of POST /uploads; the browser adds only its own
 * @throws ServiceError, without a status where the connection was lost
 */
export function sendFile(
  file: File,
  { url, headers }: { url: string; headers: Readonly<Record<string, string>> },
  { signal, onSent }: SendOptions,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    signal.addEventListener('abort', stop, { once: true });
    const address = url.replace(/[?#].*$/s, '');
    let toldAt = 0;
    request.upload.onprogress = ({ loaded }) => {
      const now = performance.now();
      if (now - toldAt < EVERY_MS) return;
      toldAt = now;
      onSent(loaded);
    };
    request.onloadend = () => signal.removeEventListener('abort', stop);
    request.onabort = () => reject(signal.reason);
    request.onerror = () => reject(lost(address));
    request.onload = () => {
      const { status } = request;
      if (status >= 200 && status < 300) return resolve();
      const type = request.getResponseHeader('content-type');
      const response = new Response(null, { status, headers: type === null ? {} : { 'content-type': type } });
      reject(refusalOf({ response, text: request.responseText, address }));
    };
    request.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(file);
  });
}

function lost(address: string): ServiceError {
  return new ServiceError(`Expected ${new URL(address).host} to take the file, lost the connection to it.`, {
    status: null,
  });
}
