/**
 * The order of the channels of PCM in a QuickTime file. Builds before 6 know which channels there are, but take every order
 * for their own: speech in the centre would come from the left. CoreAudio, AudioChannelLayout.
 */
import { ByteWindow } from './byte-window.ts';
import { children, one, readIndex } from './mp4/boxes.ts';

/** By the upper half of the layout's tag: those in another order than ffmpeg's, which puts FL FR FC LFE first. */
const ORDERS: Readonly<Record<number, string>> = {
  108: 'FL FR SL SR',
  109: 'FL FR SL SR FC',
  110: 'FL FR SL SR FC BC',
  111: 'FL FR SL SR FC BC WL WR',
  114: 'FC FL FR',
  116: 'FC FL FR BC',
  118: 'FL FR SL SR FC',
  119: 'FL FC FR SL SR',
  120: 'FC FL FR SL SR',
  122: 'FL FR SL SR FC LFE',
  123: 'FL FC FR SL SR LFE',
  124: 'FC FL FR SL SR LFE',
  125: 'FL FR FC LFE SL SR BC',
  126: 'FL FR FC LFE SL SR FLC FRC',
  127: 'FC FLC FRC FL FR SL SR LFE',
  128: 'FL FR FC LFE SL SR BL BR',
  129: 'FL FR SL SR FC LFE FLC FRC',
  132: 'FL FR SL SR',
  138: 'FL FR SL SR LFE',
  139: 'FL FR SL SR FC BC',
  140: 'FL FR SL SR FC BL BR',
  141: 'FC FL FR SL SR BC',
  142: 'FC FL FR SL SR BC LFE',
  143: 'FC FL FR SL SR BL BR',
};
/** Names of single channels by their label, from 1 on. */
const LABELS = 'FL FR FC LFE SL SR FLC FRC BC SDL SDR TC TFL TFC TFR TBL TBC TBR'.split(' ');
/** Bytes of one description, which begins with its label. */
const DESCRIPTION = 20;
const UNKNOWN = 'UNSD';

/** As downmix() takes it; null if the file names no order, or one that ffmpeg knows. */
export async function channelOrder(file: string, stream: number): Promise<string | null> {
  try {
    await using bytes = await ByteWindow.open(file);
    const tracks = children(await readIndex(bytes)).filter(({ type }) => type === 'trak');
    const [track] = tracks.slice(stream, stream + 1);
    if (track === undefined) return null;
    return orderIn(one(one(one(one(track.body, 'mdia'), 'minf'), 'stbl'), 'stsd').subarray(8));
  } catch {
    // What is broken is left to ffmpeg.
    return null;
  }
}

/** @param entry the sample entry of the track, from its header on */
function orderIn(entry: Buffer): string | null {
  const at = entry.indexOf('chan', 0, 'latin1') + 4;
  if (at < 4) return null;
  const tag = entry.readUInt32BE(at + 4);
  const described = tag === 0 ? entry.readUInt32BE(at + 12) : 0;
  const names =
    tag === 0
      ? Array.from({ length: Math.min(described, 32) }, (_, nth) =>
          labelAt(entry, at + 16 + nth * DESCRIPTION),
        )
      : (ORDERS[tag >>> 16]?.split(' ') ?? []);
  const isSecond = entry.readUInt16BE(16) === 2;
  const channels = isSecond ? entry.readUInt32BE(48) : entry.readUInt16BE(24);
  if (names.length < 3 || names.length !== channels) return null;
  return `${channels} channels (${names.join('+')})`;
}

function labelAt(entry: Buffer, at: number): string {
  return LABELS[entry.readUInt32BE(at) - 1] ?? UNKNOWN;
}
