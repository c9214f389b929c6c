/** What a stream of sound is, and whether it may be decoded. Pure. */
import { isSampleEncrypted, lettersIn } from './codec-tag.ts';
import type { ListedStream } from './packets.ts';
import { isSoundAccepted } from './untrusted.ts';

export interface AudioInfo {
  stream: number;
  layout: string;
  /** As in Probe. */
  codec: string;
  refused: string | null;
  encrypted: boolean;
}

/** A stream of the file, as the list of packets and the fields of its line in the output describe it. */
export interface DescribedSound {
  stream: number;
  facts: ListedStream;
  fields: readonly string[];
}

/** The newest kind of AAC, which ffmpeg knows by its number only. */
const XHE_AAC = 'aac (xHE-AAC)';
/** Half the rate of telephones, and twice the highest rate of studios. */
const LEAST_SAMPLE_RATE = 4_000;
const HIGHEST_SAMPLE_RATE = 768_000;
/** Above 22.2 surround sound, which has 24. */
const MOST_CHANNELS = 32;

/** Null if the stream is none of sound. `before`: what ffmpeg printed before it described the file. */
export function readAudio(described: DescribedSound, before: string): AudioInfo | null {
  const { kind, codec, sampleRate: rate, channels, layout } = described.facts;
  if (kind !== 'audio') return null;
  const name = codecName(described, before);
  const info = { stream: described.stream, layout, codec: name, encrypted: false };
  if (isSampleEncrypted(described.fields[0] ?? '')) {
    return { ...info, refused: `${name}, which is encrypted (SAMPLE-AES)`, encrypted: true };
  }
  // Without a rate or channels, ffmpeg could not even begin to decode it.
  if (!isSoundAccepted(codec) || name === XHE_AAC || rate === 0 || layout === '0 channels') {
    return { ...info, refused: `${name}, for which there is no decoder here` };
  }
  if (rate < LEAST_SAMPLE_RATE || rate > HIGHEST_SAMPLE_RATE) {
    return { ...info, refused: `${name} of ${rate} samples a second` };
  }
  if (channels > MOST_CHANNELS) return { ...info, refused: `${name} of ${channels} channels` };
  return { ...info, refused: null };
}

/** For people: with the profile if ffmpeg says one, and as the file calls it if ffmpeg does not know it. */
function codecName({ facts: { codec }, fields: [named = ''] }: DescribedSound, before: string): string {
  const [, profile] = /Audio: \w+ \(([\w .+-]+)\)/.exec(named) ?? [];
  if (codec === 'none') {
    const called = lettersIn(named) ?? / \/ (0x[0-9A-F]{4,8})\)$/.exec(named)?.[1];
    return (
      called ?? /Unknown\/unsupported AVCodecID ([A-Z0-9_/]{1,40})\./.exec(before)?.[1] ?? 'an unknown codec'
    );
  }
  if (profile !== undefined) return `${codec} (${profile})`;
  return codec === 'aac' && /Audio object type 42 is not implemented/.test(before) ? XHE_AAC : codec;
}
