/** Which pieces the videos of a task need, and which of them are there. */
import { chunked } from '../base/chunked.ts';
import { MOST_SAMPLES } from '../media/mp4/sample-tables.ts';
import { type FrameRate, framesPerSecond, SAMPLE_RATE } from '../model/frame-rate.ts';
import { type Piece, type PieceName, pieceName } from '../model/pieces.ts';
import type { Failed, Prepared, PreparedPiece } from '../model/pins.ts';
import { type Combination, type Plan, sourcesOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';
import { checkedProfile } from './check-prepared.ts';

/** What is prepared of a task, by number of the source. */
export type PreparedSources = ReadonlyMap<number, Prepared>;

/** Pins that are read at a time. */
const READ_AT_ONCE = 200;

export function hasPieces({ captions, cover }: Plan): boolean {
  return captions?.inside === 'burn' || cover !== undefined;
}

/** The pieces of a combination, all of whose sources are prepared. */
export function piecesOf(
  plan: Plan,
  combination: Combination,
  prepared: PreparedSources,
  rate: FrameRate,
): Piece[] {
  const shots = shotsOf(combination, prepared);
  const cover = coverOf(plan, shots, rate);
  return [...captionedOf(plan, combination, shots, prepared, rate), ...(cover === undefined ? [] : [cover])];
}

/** A clip and its place in the film, in frames. */
interface Shot {
  clip: number;
  at: number;
  frames: number;
}

function shotsOf({ clips }: Combination, prepared: PreparedSources): Shot[] {
  let at = 0;
  return clips.map((clip) => {
    const { frames } = prepared.get(clip) as Prepared;
    const shot = { clip, at, frames };
    at += frames;
    return shot;
  });
}

/** Those that are shown while the line is spoken. */
function captionedOf(
  { captions, sound }: Plan,
  { line }: Combination,
  shots: readonly Shot[],
  prepared: PreparedSources,
  rate: FrameRate,
): Piece[] {
  if (captions?.inside !== 'burn' || line === null) return [];
  const fps = framesPerSecond(rate);
  const from = sound.voiceOffsetSeconds * fps;
  const to = from + ((prepared.get(line) as Prepared).samples / SAMPLE_RATE) * fps;
  return shots
    .filter(({ at, frames }) => at < to && at + frames > from)
    .map(({ clip, at }) => ({ kind: 'captioned', clip, line, at }));
}

/** After the end of the video, its last picture. */
function coverOf({ cover }: Plan, shots: readonly Shot[], rate: FrameRate): Piece | undefined {
  const [first] = shots;
  if (cover === undefined || first === undefined) return undefined;
  if (cover.atSeconds === null) return { kind: 'cover', clip: first.clip, frame: null };
  const wanted = Math.floor(cover.atSeconds * framesPerSecond(rate) + 1e-6);
  const shot = shots.find(({ at, frames }) => wanted < at + frames) ?? (shots.at(-1) as Shot);
  return { kind: 'cover', clip: shot.clip, frame: Math.min(wanted - shot.at, shot.frames - 1) };
}

/** What a combination needs besides its sources. */
export interface PieceState {
  combination: Combination;
  names: readonly PieceName[];
  /** Of those that are made, or can never be made. */
  pins: ReadonlyMap<PieceName, PreparedPiece | Failed>;
}

/**
 * The pieces of combinations whose sources are settled. One that lacks a source, because that has failed, needs none; it has
 * no entry. Neither has one with a pin from which no places can be counted: its video fails.
 * @param piece only combinations that need it; absent: all
 */
export async function pieceStates(
  { id, plan }: Task,
  combinations: readonly Combination[],
  pins: PinStore,
  piece?: PieceName,
): Promise<PieceState[]> {
  if (!hasPieces(plan)) return [];
  const [pinned] = await pins.read(id, ['profile']);
  const profile = checkedProfile(pinned, plan.output);
  if (profile === undefined) return [];
  const prepared = await preparedOf(id, combinations, pins);
  const wanted = combinations
    .filter((combination) => sourcesOf(combination).every((number) => prepared.has(number)))
    .map((combination) => ({
      combination,
      names: piecesOf(plan, combination, prepared, profile.rate).map(pieceName),
    }))
    .filter(({ names }) => piece === undefined || names.includes(piece));
  const names = [...new Set(wanted.flatMap((one) => one.names))];
  const found = new Map<PieceName, PreparedPiece | Failed>();
  for (const some of chunked(names, READ_AT_ONCE)) {
    const read = await pins.read(
      id,
      some.map((name) => `piece-${name}` as const),
    );
    for (const [at, name] of some.entries()) {
      const pin = read[at];
      if (pin !== undefined) found.set(name, pin);
    }
  }
  return wanted.map((one) => ({ ...one, pins: found }));
}

/** Undefined: all are there, or one of them has failed and the rest cannot change that. */
export function missingOf({ names, pins }: PieceState): PieceName[] | undefined {
  const missing = names.filter((name) => !pins.has(name));
  const isSettled = missing.length === 0 || names.some((name) => pins.get(name)?.error !== undefined);
  return isSettled ? undefined : missing;
}

async function preparedOf(
  taskId: string,
  combinations: readonly Combination[],
  pins: PinStore,
): Promise<Map<number, Prepared>> {
  const numbers = [...new Set(combinations.flatMap(sourcesOf))];
  const prepared = new Map<number, Prepared>();
  for (const some of chunked(numbers, READ_AT_ONCE)) {
    const read = await pins.read(
      taskId,
      some.map((number) => `prepared-${number}` as const),
    );
    for (const [at, number] of some.entries()) {
      const pin = read[at];
      if (pin != null && pin.error === undefined && isCountable(pin)) prepared.set(number, pin);
    }
  }
  return prepared;
}

/** A pin may be anything if `prepare` was taken over, and places of pieces are part of names. */
function isCountable({ frames, samples }: Prepared): boolean {
  return (
    [frames, samples].every((length) => Number.isSafeInteger(length) && length >= 0) && frames <= MOST_SAMPLES
  );
}
