/** Opens the pieces of one video: its cover, and its clips with captions. */
import { TransientError } from '../base/errors.ts';
import { pieceRemakeKey } from '../coordination/lease-keys.ts';
import { type Piece, type PieceName, pieceOf } from '../model/pieces.ts';
import type { Combination } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Artifacts } from './artifacts.ts';
import { checkedCover, usablePiece } from './check-pieces.ts';
import { forged, type PreparedArtifact } from './check-prepared.ts';
import { hasPieces, pieceStates } from './pieces.ts';
import { openPreparedAgain, type PrepareAgainDeps } from './prepare-again.ts';
import { COVER, type Pieces } from './prepare-piece.ts';
import { pieceMessage } from './ready-renders.ts';
import type { MadeSideFile } from './side-files.ts';
import type { SpeakingSignals } from './speak-line.ts';

/** Called by a render that misses an artifact of a piece. Throws PermanentError or TransientError. */
export type RemakePiece = (
  task: Task,
  name: PieceName,
  format: number,
  signals: SpeakingSignals,
) => Promise<Artifact<unknown>>;

export interface VideoPiecesDeps {
  pins: PinStore;
  artifacts: Artifacts;
  remakePiece: RemakePiece;
}

export interface OpenPiece {
  piece: Piece;
  /** That of the first format. */
  key: string;
  artifact: Artifact<unknown>;
}

/**
 * All pieces of a combination, which the caller disposes of. Throws PermanentError if one has failed, and TransientError if
 * one is missing.
 */
export async function openPieces(
  task: Task,
  combination: Combination,
  signals: SpeakingSignals,
  inputs: DisposableStack,
  { pins, artifacts, remakePiece }: VideoPiecesDeps,
): Promise<OpenPiece[]> {
  const [state] = await pieceStates(task, [combination], pins);
  if (state === undefined && hasPieces(task.plan))
    throw forged('clip', 'lengths and a rate that places can be counted from', 'others');
  const opened: OpenPiece[] = [];
  for (const name of state?.names ?? []) {
    const pin = state?.pins.get(name);
    // The handler of the render has found it a moment ago.
    if (pin === undefined) throw new TransientError('waiting', `The piece ${name} is not made yet.`);
    const { format = 0 } = combination;
    const keys = usablePiece(task, name, pin).artifacts;
    const artifact =
      (await artifacts.open<unknown>(keys[format] as string, signals.signal)) ??
      (await remakePiece(task, name, format, signals));
    const [key] = keys as [string];
    opened.push({ piece: pieceOf(name) as Piece, key, artifact: inputs.use(artifact) });
  }
  return opened;
}

/** Clips with captions, by the first frame that they have in the film. Their artifacts are checked like those of clips. */
export function captionedClips(
  pieces: readonly OpenPiece[],
): Map<number, { key: string; artifact: PreparedArtifact }> {
  return new Map(
    pieces.flatMap(({ piece, key, artifact }) =>
      piece.kind === 'captioned'
        ? [[piece.at, { key, artifact: artifact as PreparedArtifact }] as const]
        : [],
    ),
  );
}

/** Of a video that wants one. Throws PermanentError 'mix_failed' unless it is a JPEG. */
export async function coversOf(pieces: readonly OpenPiece[]): Promise<MadeSideFile[]> {
  const covers = pieces.filter(({ piece }) => piece.kind === 'cover');
  const files: MadeSideFile[] = [];
  for (const { artifact } of covers) files.push({ kind: 'cover', file: await checkedCover(artifact, COVER) });
  return files;
}

/** On one machine, whoever needs it makes it. */
export function remakePieceHere(pieces: Pick<Pieces, 'opened'>): RemakePiece {
  return (task, name, format, signals) => pieces.opened(task, name, format, signals);
}

/** In the cloud, `prepare` makes it: see remakeInPrepare. */
export function remakePieceInPrepare(deps: PrepareAgainDeps): RemakePiece {
  return (task, name, format, { signal }) =>
    openPreparedAgain(
      {
        what: 'piece',
        again: `remade-piece-${name}`,
        keyIn: (pin) => usablePiece(task, name, pin).artifacts[format] as string,
        askedKey: pieceRemakeKey(task.id, name),
        message: pieceMessage(task.id, name),
      },
      signal,
      deps,
    );
}
