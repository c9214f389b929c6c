import type { buildConnector } from 'undici';
import type { PermanentError } from '../../base/errors.ts';
import { permanent } from '../shared/network-errors.ts';

/** Bytes on the wire per byte of the file: nothing else limits lengths and extensions of chunks (RFC 9112, 7.1.1). */
const WIRE_FACTOR = 2;
/** For headers and the TLS handshake. */
const WIRE_EXTRA = 65_536;

/**
 * Ends connections that receive more than a file of `maxFileBytes` needs, with PermanentError source_too_large. Each
 * connection must be used for one file only.
 */
export function boundedConnector(
  connect: buildConnector.connector,
  maxFileBytes: number,
): buildConnector.connector {
  const maxBytes = maxFileBytes * WIRE_FACTOR + WIRE_EXTRA;
  return (target, callback) => {
    connect(target, (...[error, socket]) => {
      if (error) return callback(error, null);
      socket.on('readable', () => {
        if (socket.bytesRead > maxBytes) socket.destroy(tooMuch(target.hostname, maxBytes));
      });
      callback(null, socket);
    });
  };
}

function tooMuch(hostname: string, maxBytes: number): PermanentError {
  return permanent(
    'source_too_large',
    `Expected at most ${maxBytes} bytes from ${hostname}, headers and chunk lengths included, got more`,
    'have its server send the file in fewer, larger chunks',
  );
}
