/** Makes the pieces of a task: covers and captioned clips. Their artifacts are shared like those of clips. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError, TransientError } from '../base/errors.ts';
import { makePieceKey, pieceRemadeKey } from '../coordination/lease-keys.ts';
import { takeCover } from '../media/cover.ts';
import { type Piece, type PieceName, pieceName, pieceOf } from '../model/pieces.ts';
import type { PreparedPiece, Profile } from '../model/pins.ts';
import type { Plan } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import { artifactKey } from './artifacts.ts';
import type { ClipsDeps } from './prepare-clip.ts';
import type { Sources } from './prepare-source.ts';
import { VIDEO } from './source-artifact.ts';
import type { SpeakingSignals } from './speak-line.ts';
import { profilesOf } from './task-profile.ts';

export interface PiecesDeps extends ClipsDeps {
  sources: Pick<Sources, 'opened'>;
}

export interface Pieces {
  /** Returns the artifacts of a piece, and makes those that are missing. Throws PermanentError or TransientError. */
  ready(task: Task, name: PieceName, signals: SpeakingSignals): Promise<PreparedPiece>;
  /** That of one format, open: it cannot be evicted until it is disposed of. */
  opened(task: Task, name: PieceName, format: number, signals: SpeakingSignals): Promise<Artifact<unknown>>;
}

/** Name of the file within the artifact of a cover. */
export const COVER = 'cover.jpg';
/** Increase it with every change to how covers are made, so that older ones are not reused. */
const COVER_RECIPE = '1';

export function createPieces(deps: PiecesDeps): Pieces {
  const { artifacts, ffmpeg, sources } = deps;

  return {
    async ready(task, name, signals) {
      const keys: string[] = [];
      for (let format = 0; format < formatsOf(task.plan); format++) {
        using artifact = await opened(task, name, format, signals);
        keys.push(artifact.key);
      }
      return { artifacts: keys };
    },

    opened,
  };

  async function opened(
    task: Task,
    name: PieceName,
    format: number,
    signals: SpeakingSignals,
  ): Promise<Artifact<unknown>> {
    const piece = pieceOf(name) as Piece;
    return piece.kind === 'cover' ? cover(task, piece, format, signals) : captioned();
  }

  async function cover(
    task: Task,
    piece: Extract<Piece, { kind: 'cover' }>,
    format: number,
    signals: SpeakingSignals,
  ): Promise<Artifact<unknown>> {
    const { signal } = signals;
    const [{ rate }] = (await profilesOf(deps, task, signal)) as [Profile];
    using clip = await sources.opened(task, piece.clip, format, signals);
    if (clip === undefined) throw undecided();
    const video = clip.path(VIDEO);
    const key = artifactKey('cover', [clip.key, String(piece.frame), COVER_RECIPE, await ffmpeg.version()]);
    return await artifacts.getOrCreate(
      key,
      async (dir, held) => {
        const out = join(dir, COVER);
        await takeCover(ffmpeg, { video, rate, frame: piece.frame, out, dir, signal: held });
        return { bytes: (await stat(out)).size };
      },
      {
        signal,
        semaphore: deps.decoding(task.id),
        countedAs: { key: makePieceKey(task.id, pieceName(piece)), stage: 'conform' },
      },
    );
  }

  function captioned(): never {
    throw new Error('Expected captions that can be burned');
  }
}

/** The profile is pinned and the clip prepared, so only a task of an earlier version comes here. */
function undecided(): TransientError {
  return new TransientError('waiting', 'It is being decided whether the clips of the task are copied.');
}

function formatsOf({ formats }: Plan): number {
  return formats?.length ?? 1;
}

/** Whether a task of that plan may need a piece of that name. Messages may be anything. */
export function isPieceOf({ sources, captions, cover }: Plan, name: PieceName): boolean {
  const piece = pieceOf(name);
  if (piece === undefined || sources[piece.clip]?.kind !== 'clip') return false;
  if (piece.kind === 'cover')
    return cover !== undefined && (piece.frame === null) === (cover.atSeconds === null);
  return captions?.inside === 'burn' && sources[piece.line]?.kind === 'line';
}

/** Within an hour of each other. */
const MOST_REMAKES = 5;

/** Called before a piece is made again. Throws PermanentError 'cache_failed' after MOST_REMAKES. */
export async function refuseEndlessPieces(
  task: Task,
  name: PieceName,
  attempts: AttemptStore,
): Promise<void> {
  // A rest of no length only counts.
  const round = await attempts.rest(pieceRemadeKey(task.id, name), 0);
  if (round === undefined || round <= MOST_REMAKES) return;
  throw new PermanentError(
    'cache_failed',
    'save',
    `Expected the prepared piece to stay until its videos are made, got it removed ${round} times within hours. ` +
      'Next step: raise CACHE_MAX_MB, look at the lifecycle rules of CACHE_BUCKET, then retry the task.',
  );
}
