import { hostileTexts, slowestRead, TEXT_READERS } from '../fixtures/network/text-readers.ts';

/** The largest body. */
const LENGTH = 256 * 1024;

/** How long each reader of strangers' text takes for the worst of the hostile texts: a table, line by line. */
export async function* linearTable(): AsyncGenerator<string> {
  const texts = hostileTexts(LENGTH);
  yield '| text of strangers | longest time for 256 KB |\n| --- | --- |\n';
  for (const reader of TEXT_READERS) {
    await slowestRead(reader, hostileTexts(64), Number.POSITIVE_INFINITY);
    const { ms } = await slowestRead(reader, texts, Number.POSITIVE_INFINITY);
    yield `| ${reader.name} | ${ms.toFixed(0)} ms |\n`;
  }
}
