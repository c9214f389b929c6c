/** Makes the pieces of a task: covers and captioned clips. Their artifacts are shared like those of clips. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError, TransientError } from '../base/errors.ts';
import { step } from '../base/telemetry/spans.ts';
import { makePieceKey, pieceRemadeKey } from '../coordination/lease-keys.ts';
import { captionFile } from '../media/captions/ass.ts';
import { placedWords } from '../media/captions/words.ts';
import { takeCover } from '../media/cover.ts';
import type { CaptionChoices } from '../model/captions.ts';
import { framesPerSecond } from '../model/frame-rate.ts';
import { type Piece, type PieceName, pieceName, pieceOf } from '../model/pieces.ts';
import { inFormat, type PreparedPiece, type Profile } from '../model/pins.ts';
import type { Plan, Source } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import { artifactKey } from './artifact-key.ts';
import { disposeOf } from './artifacts.ts';
import { type ClipsDeps, captionedClip } from './prepare-clip.ts';
import type { Sources } from './prepare-source.ts';
import { VIDEO } from './source-artifact.ts';
import type { SpeakingSignals } from './speak-line.ts';
import type { SpokenWords } from './spoken-words.ts';
import { profilesOf } from './task-profile.ts';

export interface PiecesDeps extends ClipsDeps {
  sources: Pick<Sources, 'opened'>;
  spokenWords: SpokenWords;
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
      const made = await allOf(task, pieceOf(name) as Piece, signals);
      disposeOf(made);
      return { artifacts: made.map(({ key }) => key) };
    },

    async opened(task, name, format, signals) {
      const made = await allOf(task, pieceOf(name) as Piece, signals);
      disposeOf(made.filter((_, at) => at !== format));
      return made[format] as Artifact<unknown>;
    },
  };

  /** One per format, which the caller disposes of. */
  async function allOf(task: Task, piece: Piece, signals: SpeakingSignals): Promise<Artifact<unknown>[]> {
    if (piece.kind === 'captioned') return captioned(task, piece, signals);
    const made: Artifact<unknown>[] = [];
    try {
      for (const format of formatsOf(task.plan)) made.push(await cover(task, piece, format, signals));
      return made;
    } catch (error) {
      disposeOf(made);
      throw error;
    }
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
    if (clip === undefined) throw unprepared();
    const video = clip.path(VIDEO);
    const key = artifactKey('cover', [clip.key, String(piece.frame), COVER_RECIPE, await ffmpeg.version()]);
    return await artifacts.getOrCreate(
      key,
      async (dir, held) => {
        const out = join(dir, COVER);
        const { frame } = piece;
        await step('conform', 'cover', () =>
          takeCover(ffmpeg, { video, rate, frame, out, dir, signal: held }),
        );
        return { bytes: (await stat(out)).size };
      },
      {
        signal,
        semaphore: deps.decoding(task.id),
        countedAs: countedAs(task, piece),
      },
    );
  }

  async function captioned(
    task: Task,
    piece: Captioned,
    signals: SpeakingSignals,
  ): Promise<Artifact<unknown>[]> {
    const { plan } = task;
    const source = plan.sources[piece.line] as Extract<Source, { kind: 'line' }>;
    const [{ rate }] = (await profilesOf(deps, task, signals.signal)) as [Profile];
    const [clip] = await deps.pins.read(task.id, [`prepared-${piece.clip}`]);
    if (clip === undefined || clip.error !== undefined) throw unprepared();
    using line = await sources.opened(task, piece.line, 0, signals);
    if (line === undefined) throw unprepared();
    const { words } = await deps.spokenWords(line, source);
    const { style } = plan.captions as CaptionChoices;
    const fps = framesPerSecond(rate);
    const shown = {
      // What comes after the end of the video is not shown, whichever video it is.
      words: placedWords(words, plan.sound.voiceOffsetSeconds, Number.POSITIVE_INFINITY),
      ...{ style, from: piece.at / fps, seconds: clip.frames / fps },
      ...(source.language !== undefined && { language: source.language }),
    };
    const made = await captionedClip(
      deps,
      task,
      piece.clip,
      { captionsFor: ({ width, height }) => captionFile({ ...shown, width, height }), frames: clip.frames },
      { signal: signals.signal, countedAs: countedAs(task, piece) },
    );
    try {
      for (const [format, { meta }] of made.entries())
        refuseOtherLength(meta.frames, inFormat(clip, format).frames);
      return made;
    } catch (error) {
      disposeOf(made);
      throw error;
    }
  }
}

/** What comes after it in the film is counted from the clip without captions. */
function refuseOtherLength(frames: number, expected: number): void {
  if (frames === expected) return;
  throw new PermanentError(
    'conform_failed',
    'conform',
    `Expected as many frames with captions as without, got ${frames} in place of ${expected}. Next step: retry the task.`,
  );
}

type Captioned = Extract<Piece, { kind: 'captioned' }>;

function countedAs({ id }: Task, piece: Piece) {
  return { key: makePieceKey(id, pieceName(piece)), stage: 'conform' } as const;
}

/** A piece is asked for once all sources of its video are prepared; any other message comes too early. */
function unprepared(): TransientError {
  return new TransientError('waiting', 'The sources of the piece are not prepared yet.');
}

function formatsOf({ formats }: Plan): number[] {
  return [...(formats ?? [undefined]).keys()];
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
