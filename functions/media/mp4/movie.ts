/** What a finished video is made of, and how its frames and packets lie in the file. No object per frame or packet. */
import { type FrameRate, SAMPLE_RATE, samplesOf } from '../../model/frame-rate.ts';
import { type Subtitles, TEXT_TICKS, type TextSamples, textSamples } from './text-track.ts';
import { PACKET, type Picture, type Sound } from './tracks.ts';

export interface Movie {
  /** In order; all of one size and with one sample entry. */
  clips: readonly Picture[];
  /** As long as the picture. */
  sound: Sound;
  rate: FrameRate;
  /** Whether to write edit lists. Without them, the priming of the sound is left out instead. */
  editLists: boolean;
  /** Absent: none. */
  subtitles?: Subtitles;
}

/** The same, or a picture without sound: part of a clip, before it is joined to others. */
export type Film = Omit<Movie, 'sound'> & { sound: Sound | null };

export interface Layout {
  /** Bytes of each frame of the film. */
  frames: Uint32Array;
  /** Bytes of each packet that is written. */
  packets: Uint32Array;
  /** Of its subtitles, if it has any. */
  text: TextSamples | undefined;
  /** Frames, packets and texts take turns, frames first. Where each turn ends: after so many of the film. */
  turns: { frames: Uint32Array; packets: Uint32Array; texts: Uint32Array };
}

/** The frames of this time stand in the file before the sound that is heard with them. */
const TURN_SECONDS = 0.5;

/** Throws an Error if the parts do not belong together. */
export function layoutOf(movie: Film): Layout {
  refuseUnequal(movie);
  const { clips, sound, rate, editLists } = movie;
  const frames = joined(clips.map(({ sizes }) => sizes));
  const wanted = samplesOf(frames.length, rate);
  const heardSamples = sound?.length ?? wanted;
  if (wanted !== heardSamples) throw new Error(`Expected sound of ${wanted} samples, got ${heardSamples}`);
  const packets = sound?.sizes.subarray(skippedPackets(movie)) ?? new Uint32Array();
  const perTurn = Math.max(1, Math.round((rate.num / rate.den) * TURN_SECONDS));
  const count = Math.ceil(frames.length / perTurn);
  const text = movie.subtitles && textSamples(movie.subtitles.shown, (frames.length * rate.den) / rate.num);
  const turns = {
    frames: new Uint32Array(count),
    packets: new Uint32Array(count),
    texts: new Uint32Array(count),
  };
  for (let turn = 0; turn < count; turn++) {
    const end = Math.min(frames.length, (turn + 1) * perTurn);
    const heard =
      Math.floor((end * rate.den * SAMPLE_RATE) / rate.num / PACKET) +
      (editLists ? (sound?.priming ?? 0) : 0);
    turns.frames[turn] = end;
    turns.packets[turn] = turn === count - 1 ? packets.length : Math.min(packets.length, heard);
  }
  if (text !== undefined) placeTexts(text, turns.texts, (perTurn * rate.den) / rate.num);
  return { frames, packets, text, turns };
}

/** A text stands in the turn in which it is first shown. */
function placeTexts({ starts }: TextSamples, texts: Uint32Array, turnSeconds: number): void {
  let placed = 0;
  for (let turn = 0; turn < texts.length; turn++) {
    const end = turn === texts.length - 1 ? Number.POSITIVE_INFINITY : (turn + 1) * turnSeconds * TEXT_TICKS;
    while (placed < starts.length && (starts[placed] as number) < end) placed += 1;
    texts[turn] = placed;
  }
}

/** Packets of the soundtrack that are not written: nothing would hide them without an edit list. */
export function skippedPackets({ sound, editLists }: Pick<Film, 'sound' | 'editLists'>): number {
  return editLists ? 0 : (sound?.priming ?? 0);
}

/** Bytes of the samples `from` to `to`. */
export function bytesOf(sizes: Uint32Array, from: number, to: number): number {
  let bytes = 0;
  for (let at = from; at < to; at++) bytes += sizes[at] as number;
  return bytes;
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const whole = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Copied frames are decoded with the header of the first clip. With another header they show as garbage. */
function refuseUnequal({ clips }: Film): void {
  const [first] = clips;
  if (first === undefined) throw new Error('Expected at least one clip, got none');
  const other = clips.findIndex(({ entry }) => !entry.equals(first.entry));
  if (other >= 0) throw new Error(`Expected clips with one header, got another one in clip ${other + 1}`);
}
