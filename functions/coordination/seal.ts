/** Seals of stored records: HMAC-SHA256 over the name of the record and exactly the stored bytes. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Memo } from '../ports/memo.ts';
import type { Seal } from '../ports/seal.ts';

/** A forged record is read again and again; one line in the log is enough. */
const NAMES_LOGGED = 1_000;
/** Separates a memo's value from its seal, which does not contain it. */
const BEFORE_SEAL = '|';
/** How often a forged value is replaced before the call is given up for now: someone may put it back each time. */
const MOST_ROUNDS = 5;

export interface SealOptions {
  /** SIGNING_KEY. Undefined in `prepare`, which opens files of strangers: it cannot seal, and trusts what it reads. */
  key: string | undefined;
  log: Log;
}

export function createSeal({ key, log }: SealOptions): Seal {
  if (key === undefined) {
    return {
      of(name) {
        throw new Error(`Expected SIGNING_KEY to seal ${name}, got none. Set it for this function.`);
      },
      fits: () => true,
    };
  }
  const logged = new LRUCache<string, true>({ max: NAMES_LOGGED });
  const sealOf = (name: string, content: string | Uint8Array) =>
    // As JSON, the name has no line break, so no other name and content give the same bytes.
    createHmac('sha256', key)
      .update(`${JSON.stringify(name)}\n`)
      .update(content)
      .digest();

  return {
    of: (name, content) => sealOf(name, content).toString('base64url'),

    fits(name, content, seal) {
      const expected = sealOf(name, content);
      const found = Buffer.from(typeof seal === 'string' ? seal : '', 'base64url');
      if (found.length === expected.length && timingSafeEqual(found, expected)) return true;
      if (!logged.has(name)) {
        logged.set(name, true);
        const got = seal === undefined || seal === null ? 'none' : 'another one';
        log.error(`Expected ${name} with the seal of this service, got ${got}: it is not used`, {
          event: 'record.forged',
          record: name,
        });
      }
      return false;
    },
  };
}

/** Keeps values together with their seals. A value without its seal counts as missing, and is replaced. */
export function sealedMemo(memo: Memo, seal: Seal): Memo {
  const nameOf = (key: string) => `memo/${key}`;
  const sealed = (key: string, value: string) => `${value}${BEFORE_SEAL}${seal.of(nameOf(key), value)}`;
  const opened = (key: string, stored: string | undefined): string | undefined => {
    if (stored === undefined) return undefined;
    const end = stored.lastIndexOf(BEFORE_SEAL);
    const [value, own] = end < 0 ? [stored, undefined] : [stored.slice(0, end), stored.slice(end + 1)];
    return seal.fits(nameOf(key), value, own) ? value : undefined;
  };
  return {
    recall: async (keys) => (await memo.recall(keys)).map((stored, at) => opened(keys[at] ?? '', stored)),

    async settle(key, value, gone) {
      const wanted = sealed(key, value);
      let stored = await memo.settle(key, wanted, gone === undefined ? undefined : sealed(key, gone));
      // A forged value makes way. Another writer may be quicker, so the result is checked again.
      for (let round = 1; ; round++) {
        const settled = opened(key, stored);
        if (settled !== undefined) return settled;
        if (round > MOST_ROUNDS) {
          throw new TransientError(
            'platform_unavailable',
            `Expected to keep a value, got it replaced by someone else ${MOST_ROUNDS} times.`,
          );
        }
        stored = await memo.settle(key, wanted, stored);
      }
    },

    remember: (key, value) => memo.remember(key, sealed(key, value)),
  };
}
