/** Reads what people save as text: editors and spreadsheets write several encodings. */

const UTF_16_LE = [0xff, 0xfe];
const UTF_16_BE = [0xfe, 0xff];

/**
 * UTF-8, or UTF-16 with its mark. Throws an Error for anything else: words that are read wrongly would be spoken wrongly,
 * and paid for.
 */
export function decodeText(bytes: Uint8Array): string {
  const startsWith = (mark: readonly number[]) => mark.every((byte, at) => bytes[at] === byte);
  if (startsWith(UTF_16_LE)) return decoded('utf-16le', bytes);
  if (startsWith(UTF_16_BE)) return decoded('utf-16be', bytes);
  if (bytes.includes(0)) throw notText('bytes that are no text, or UTF-16 without its mark');
  return decoded('utf-8', bytes);
}

function decoded(encoding: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw notText(encoding === 'utf-8' ? placeOfFirst(bytes) : 'a part of a UTF-16 file');
  }
}

function notText(got: string): Error {
  return new Error(
    `expected text in UTF-8, got ${got}. Save it as UTF-8: in an editor under "Save as", in Excel as "CSV UTF-8".`,
  );
}

/** The first line that is not UTF-8, as the encoding of Western Windows shows it. */
function placeOfFirst(bytes: Uint8Array): string {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  const at = lines.findIndex((line) => !isUtf8(Buffer.from(line, 'latin1')));
  const line = new TextDecoder('windows-1252').decode(Buffer.from(lines[at] ?? '', 'latin1'));
  return `another encoding in line ${at + 1} (perhaps Windows-1252: ${JSON.stringify(line.trim().slice(0, 40))})`;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
