/** Logs refused requests, so that a flood of them does not flood the log. */
import { CODES, type RequestCode } from '../base/codes.ts';
import type { Log, LogFields } from '../base/log.ts';
import { apartFromRequests } from '../base/request-id.ts';

export interface RefusalLog {
  refused(address: string, code: RequestCode): void;
  /** An address has sent so many wrong keys that it waits. */
  lockedOut(address: string): void;
}

const MINUTE_MS = 60_000;
const LINES_PER_ADDRESS = 10;
/** Of all addresses together. */
const LINES = 200;

/** One line per refusal, up to a number per minute and address; one more line says how many were left out. */
export function createRefusalLog(log: Log): RefusalLog {
  /** Lines of this minute by address. */
  const written = new Map<string, number>();
  let lines = 0;
  let leftOut = 0;

  const endMinute = () => {
    if (leftOut > 0) {
      log.warn(`Refused ${leftOut} more requests within a minute`, {
        event: 'request.refused',
        count: leftOut,
      });
    }
    written.clear();
    lines = 0;
    leftOut = 0;
  };

  /** Writes a line if there is room for one about this address. */
  const tell = (address: string, most: number, message: string, fields: LogFields) => {
    if (lines === 0) apartFromRequests(() => setTimeout(endMinute, MINUTE_MS).unref());
    const own = written.get(address) ?? 0;
    if (own >= most || lines >= LINES) {
      leftOut++;
      return;
    }
    written.set(address, own + 1);
    lines++;
    log.warn(message, { ...fields, address });
  };

  return {
    refused: (address, code) =>
      tell(address, LINES_PER_ADDRESS, `Refused a request from ${address}: ${CODES[code].title} (${code})`, {
        event: 'request.refused',
        code,
      }),
    // Comes once in many minutes, and must not go under in the refusals of its address.
    lockedOut: (address) =>
      tell(
        address,
        LINES_PER_ADDRESS + 1,
        `Wrong keys from ${address} are answered later and later; the right key still works`,
        { event: 'request.locked_out' },
      ),
  };
}
