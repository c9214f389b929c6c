/** Checks the pins of pieces: like those of sources, they may be anything if `prepare` was taken over. */
import { open } from 'node:fs/promises';
import { PermanentError } from '../base/errors.ts';
import { MOST_COVER_MB } from '../media/cover.ts';
import { type Piece, type PieceName, pieceOf } from '../model/pieces.ts';
import type { Failed, PreparedPiece } from '../model/pins.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { ArtifactKind } from './artifact-key.ts';
import { fileIn, forged, isFailure } from './check-prepared.ts';

/** Captioned clips are clips. */
const KIND_OF = { captioned: 'clip', cover: 'cover' } as const satisfies Record<Piece['kind'], ArtifactKind>;
const HASH = /^[0-9a-f]{64}$/;

/** The pin, or a failure in its place if it is none that `prepare` writes for a piece of that name. */
export function checkedPiece(
  pin: PreparedPiece | Failed,
  { plan }: Pick<Task, 'plan'>,
  name: PieceName,
): PreparedPiece | Failed {
  const kind = KIND_OF[pieceOf(name)?.kind ?? 'cover'];
  if (pin.error !== undefined) {
    if (isFailure(pin.error)) return pin;
    return { error: forged(kind, 'a failure of this service', 'another object').failure };
  }
  const { artifacts } = pin;
  const formats = plan.formats?.length ?? 1;
  const isOwn = (key: unknown) =>
    typeof key === 'string' && key.startsWith(`${kind}/`) && HASH.test(key.slice(kind.length + 1));
  if (Array.isArray(artifacts) && artifacts.length === formats && artifacts.every(isOwn)) return pin;
  const got = JSON.stringify(artifacts ?? null);
  return { error: forged(kind, `${formats} artifacts of kind ${kind}`, got).failure };
}

/** Throws the failure that it holds as PermanentError. */
export function usablePiece(task: Task, name: PieceName, pin: PreparedPiece | Failed): PreparedPiece {
  const checked = checkedPiece(pin, task, name);
  if (checked.error === undefined) return checked;
  const { code, stage, message } = checked.error;
  throw new PermanentError(code, stage, message);
}

const JPEG_BEGIN = 'ffd8ff';
const JPEG_END = 'ffd9';

/** Path of the file. Throws PermanentError 'mix_failed' unless it begins and ends as a JPEG, and is no larger than ours. */
export async function checkedCover(artifact: Artifact<unknown>, name: string): Promise<string> {
  const file = fileIn(artifact, name, 'cover');
  const got = await oddCover(file);
  if (got !== undefined) throw forged('cover', `a JPEG of at most ${MOST_COVER_MB} MB`, got);
  return file;
}

/** What the file is, unless it is a cover. */
async function oddCover(file: string): Promise<string | undefined> {
  await using opened = await open(file);
  const { size } = await opened.stat();
  if (size > MOST_COVER_MB * 2 ** 20) return `${size} bytes`;
  const read = async (at: number, length: number) =>
    (await opened.read(Buffer.alloc(length), 0, length, Math.max(0, at))).buffer.toString('hex');
  const isJpeg = (await read(0, 3)) === JPEG_BEGIN && (await read(size - 2, 2)) === JPEG_END;
  return isJpeg ? undefined : 'another file';
}
