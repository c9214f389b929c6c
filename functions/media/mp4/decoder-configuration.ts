/** Reads what an H.264 decoder is set up with: AVCDecoderConfigurationRecord. ISO/IEC 14496-15, 5.3.3. */
import { FrontReader } from './front-reader.ts';

export interface Configuration {
  /** How many bytes tell the length of a NAL unit, before each. */
  lengthBytes: number;
  /** The only sequence parameter set, with its header. */
  sequence: Buffer;
  /** At least one picture parameter set, with its header. */
  pictures: Buffer[];
}

/** The first byte of a parameter set, without its importance (nal_ref_idc): its type. */
const TYPE = 0x9f;
const [SPS, PPS] = [7, 8];

/** @param avcC its body. Throws an Error if it is broken, or has anything else in it. */
export function readConfiguration(avcC: Buffer): Configuration {
  const bytes = new FrontReader(avcC, 'avcC');
  if (bytes.u8() !== 1) throw new Error(`Expected avcC of version 1, got ${avcC[0]}`);
  bytes.take(3);
  const lengthBytes = (bytes.u8() & 3) + 1;
  const sequences = bytes.u8() & 31;
  if (sequences !== 1) throw new Error(`Expected one SPS, got ${sequences}`);
  const sequence = bytes.take(bytes.u16());
  if (typeOf(sequence) !== SPS) throw new Error('Expected an SPS, got another NAL unit');
  const pictures = Array.from({ length: bytes.u8() }, () => bytes.take(bytes.u16()));
  if (pictures.length === 0) throw new Error('Expected a PPS, got none');
  if (pictures.some((set) => typeOf(set) !== PPS)) throw new Error('Expected a PPS, got another NAL unit');
  // Of high profiles: chroma, depths, and how many extensions of the SPS there are.
  if (bytes.left !== 0 && (bytes.left !== 4 || avcC.at(-1) !== 0))
    throw new Error(`Expected avcC to end after its parameter sets, got ${bytes.left} bytes more`);
  return { lengthBytes, sequence, pictures };
}

function typeOf(set: Buffer): number {
  return (set[0] ?? 0) & TYPE;
}
