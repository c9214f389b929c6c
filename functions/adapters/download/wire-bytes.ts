import type { Socket } from 'node:net';
import type { PermanentError } from '../../base/errors.ts';
import { permanent } from '../shared/network-errors.ts';

/** Bytes on the wire per byte of the file: nothing else limits lengths and extensions of chunks (RFC 9112, 7.1.1). */
const WIRE_FACTOR = 2;
/** For headers and the TLS handshake. */
const WIRE_EXTRA = 131_072;

/**
 * Ends a connection that receives more than a file of `maxFileBytes` needs, with PermanentError source_too_large. It must
 * be used for one file only, and somebody must be reading it already: otherwise its first bytes are lost.
 */
export function boundWireBytes(socket: Socket, hostname: string, maxFileBytes: number): void {
  const maxBytes = maxFileBytes * WIRE_FACTOR + WIRE_EXTRA;
  socket.on('data', () => {
    if (socket.bytesRead > maxBytes) socket.destroy(tooMuch(hostname, maxBytes));
  });
}

function tooMuch(hostname: string, maxBytes: number): PermanentError {
  return permanent(
    'source_too_large',
    `Expected at most ${maxBytes} bytes from ${hostname}, headers and chunk lengths included, got more`,
    'have its server send the file in fewer, larger chunks',
  );
}
