/** Finds Matroska and WebM files that are shorter than their elements say. RFC 8794 and RFC 9559. */
import type { ByteWindow } from './byte-window.ts';

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
/** A cluster, its time, blocks, sizes and places. */
const PICTURES = new Set([CLUSTER, 0xe7, 0xa3, 0xa0, 0xaf, 0xab, 0xa7, 0x5854]);
/** What stands beside clusters. Anything else may follow the end of a file without being a part of it. */
const KNOWN = new Set([
  ...[EBML, SEGMENT, 0xec, 0xbf],
  // Of a segment: index, description, tracks, cues, attachments, chapters, tags.
  ...[0x114d9b74, 0x1549a966, 0x1654ae6b, 0x1c53bb6b, 0x1941a469, 0x1043a770, 0x1254c367],
]);
/** Longest id and longest size. */
const HEADER_BYTES = 12;
/** Each frame of a live recording is an element. */
const MOST_ELEMENTS = 2_000_000;

/**
 * How many bytes the file lacks, at least. 0 for other files, and where something else than an element stands. The size of
 * a segment proves nothing if there are clusters in it, nor does a cut behind them: all pictures are there.
 */
export async function missingMatroskaBytes(bytes: ByteWindow): Promise<number> {
  const beginning = await bytes.at(0, 4);
  if (beginning.length < 4 || beginning.readUInt32BE(0) !== EBML) return 0;
  let [at, segmentEnd, hasClusters] = [0, 0, false];
  for (let elements = 0; at < bytes.size && elements < MOST_ELEMENTS; elements++) {
    const element = elementIn(await bytes.at(at, HEADER_BYTES));
    if (element === undefined) return 0;
    const { id, header, size } = element;
    if (at >= segmentEnd && !KNOWN.has(id) && !PICTURES.has(id)) return 0;
    // Segments and clusters of a live recording have no known size, and end where the next one begins.
    if (size === null && id !== SEGMENT && id !== CLUSTER) return 0;
    const end = at + header + (size ?? 0);
    if (id === SEGMENT) [segmentEnd, hasClusters] = [end, false];
    else if (end > bytes.size) return PICTURES.has(id) || !hasClusters ? end - bytes.size : 0;
    hasClusters ||= id === CLUSTER;
    at = id === SEGMENT ? at + header : end;
  }
  return hasClusters ? 0 : Math.max(0, segmentEnd - bytes.size);
}

/** `size` is null if it is unknown. Undefined if this is no element. */
function elementIn(bytes: Buffer): { id: number; header: number; size: number | null } | undefined {
  const idBytes = lengthAt(bytes, 0);
  if (idBytes === 0 || idBytes > 4 || idBytes > bytes.length) return undefined;
  const id = bytes.readUIntBE(0, idBytes);
  const sizeBytes = lengthAt(bytes, idBytes);
  const header = idBytes + sizeBytes;
  if (idBytes === bytes.length) return { id, header: idBytes + 1, size: 0 };
  if (sizeBytes === 0) return undefined;
  if (header > bytes.length) return { id, header, size: 0 };
  let size = (bytes[idBytes] as number) & ((1 << (8 - sizeBytes)) - 1);
  let isUnknown = size === (1 << (8 - sizeBytes)) - 1;
  for (const byte of bytes.subarray(idBytes + 1, header)) {
    size = size * 256 + byte;
    isUnknown &&= byte === 0xff;
  }
  return { id, header, size: isUnknown ? null : size };
}

/** The number of leading zero bits of the first byte says how many bytes follow. 0 if there is no such number. */
function lengthAt(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  return first === 0 ? 0 : Math.clz32(first) - 23;
}
