/**
 * Finds out which streams of a file are encrypted, because ffmpeg decodes their noise without a word. Reads bounded parts
 * of the file, and throws over nothing that it contains.
 */
import { ByteWindow } from './byte-window.ts';
import { boxAt, topLevel } from './mp4/boxes.ts';

/** How, such as "Common Encryption, cenc", for each encrypted stream of an MP4 by its index in ffmpeg. */
export type EncryptedStreams = ReadonlyMap<number, string>;

/** Of the index: a track of each language has a few dozen. */
const MOST_BOXES = 20_000;
/** Of a sample entry, with all its boxes. */
const MOST_ENTRY = 4_096;
/** Sample entries of ISO 14496-12, 8.12.1, and of the iTunes Store. */
const ENCRYPTED = ['encv', 'enca', 'drmi', 'drms'];
/** On the way from the index to a track's sample entries. */
const ON_THE_WAY = ['trak', 'mdia', 'minf', 'stbl'];

/** Empty for other files than MP4. */
export async function encryptedStreams(file: string): Promise<EncryptedStreams> {
  await using bytes = await ByteWindow.open(file);
  const found = new Map<number, string>();
  let [boxes, tracks] = [0, 0];
  const visit = async (from: number, to: number): Promise<void> => {
    for (let at = from; at + 8 <= to && boxes < MOST_BOXES; boxes++) {
      const { type, size, skip } = boxAt(await bytes.at(at, 16), 0, to - at);
      if (size < skip) return;
      const [start, end] = [at + skip, Math.min(at + size, to)];
      if (ON_THE_WAY.includes(type)) await visit(start, end);
      if (type === 'trak') tracks += 1;
      if (type === 'stsd') await readEntries(start + 8, end);
      at += size;
    }
  };
  const readEntries = async (from: number, to: number): Promise<void> => {
    for (let at = from; at + 8 <= to && boxes < MOST_BOXES; boxes++) {
      const entry = await bytes.at(at, Math.min(MOST_ENTRY, to - at));
      const { type, size } = boxAt(entry, 0, to - at);
      if (ENCRYPTED.includes(type)) found.set(tracks, schemeOf(type, entry.subarray(0, size)));
      if (size < 8) return;
      at += size;
    }
  };
  const beginning = await bytes.at(0, 8);
  if (!/^[\w ]{4}$/.test(beginning.toString('latin1', 4, 8))) return found;
  for await (const { type, start, end } of topLevel(bytes)) {
    if (type === 'moov') await visit(start, Math.min(end, bytes.size));
  }
  return found;
}

/** The four letters of the box schm, which is deep in the entry. */
function schemeOf(type: string, entry: Buffer): string {
  if (type.startsWith('drm')) return 'FairPlay';
  const at = entry.indexOf('schm', 8, 'latin1');
  const scheme = at < 0 ? '' : entry.toString('latin1', at + 8, at + 12);
  return /^\w{4}$/.test(scheme) ? `Common Encryption, ${scheme}` : 'Common Encryption';
}

/** Packets of a transport stream, with what disks and broadcasters add to them. ISO 13818-1, 2.4.3.2. */
const PACKET_SIZES = [188, 192, 204];
const SYNC = 0x47;
/** Some seconds of a broadcast. */
const MOST_PACKETS = 20_000;

/** Whether most packets of some stream within a transport stream say that they are scrambled. */
export async function isScrambled(file: string): Promise<boolean> {
  await using bytes = await ByteWindow.open(file);
  const beginning = await bytes.at(0, 3 * 204);
  const [first, size] = firstPacket(beginning) ?? [];
  if (first === undefined || size === undefined) return false;
  const streams = new Map<number, { packets: number; scrambled: number }>();
  for (let at = first, packets = 0; packets < MOST_PACKETS; packets++, at += size) {
    const header = await bytes.at(at, 4);
    if (header.length < 4 || header[0] !== SYNC) break;
    const id = header.readUInt16BE(1) & 0x1fff;
    const stream = streams.get(id) ?? { packets: 0, scrambled: 0 };
    streams.set(id, stream);
    stream.packets += 1;
    if ((header[3] as number) >> 6 >= 2) stream.scrambled += 1;
  }
  // The last number is that of padding.
  streams.delete(0x1fff);
  return [...streams.values()].some(({ packets, scrambled }) => scrambled > packets / 2);
}

function firstPacket(beginning: Buffer): [at: number, size: number] | undefined {
  for (let at = 0; at < 204; at++) {
    const size = PACKET_SIZES.find((length) =>
      [0, 1, 2].every((packet) => beginning[at + packet * length] === SYNC),
    );
    if (size !== undefined) return [at, size];
  }
  return undefined;
}
