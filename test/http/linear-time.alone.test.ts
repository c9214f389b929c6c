import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hostileTexts, slowestRead, TEXT_READERS } from '../fixtures/network/text-readers.ts';
import { EXHAUSTIVE } from '../fixtures/system/sample.ts';

/** The largest body, and less where it would take long: quadratic time shows at an eighth as well. */
const LENGTH = EXHAUSTIVE ? 256 * 1024 : 32 * 1024;
/** Linear time is below a tenth of this, quadratic time more than twice as much. */
const CEILING_MS = EXHAUSTIVE ? 400 : 60;

describe('text of strangers is read in linear time:', () => {
  const texts = hostileTexts(LENGTH);
  for (const reader of TEXT_READERS) {
    test(reader.name, async () => {
      // Compiled now, so that this does not count.
      await slowestRead(reader, hostileTexts(64), CEILING_MS);
      const { ms, text } = await slowestRead(reader, texts, CEILING_MS);
      assert.ok(
        ms <= CEILING_MS,
        `${Math.round(ms)} ms for ${JSON.stringify(`${text.slice(0, 20)}…${text.slice(-3)}`)}`,
      );
    });
  }
});
