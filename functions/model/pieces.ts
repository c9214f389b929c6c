/**
 * Pieces are made of a clip once it is known where it stands in a film: what depends on the lengths of the clips before it.
 * Each is made once for all videos that need it, and pinned like a source.
 */
import type { Combination } from './plan.ts';

export type Piece =
  /** The clip with the words burned in that are spoken while it is shown. `at`: its first frame within the film. */
  | { kind: 'captioned'; clip: number; line: number; at: number }
  /** One of its pictures, as a JPEG. `frame`: within the clip; null: the one that shows most. */
  | { kind: 'cover'; clip: number; frame: number | null };

/** A name for pins, messages and leases: letters, digits and "-" alone. */
export type PieceName = `captioned-${number}-${number}-${number}` | `cover-${number}-${number | 'best'}`;

export function pieceName(piece: Piece): PieceName {
  return piece.kind === 'captioned'
    ? `captioned-${piece.clip}-${piece.line}-${piece.at}`
    : `cover-${piece.clip}-${piece.frame ?? 'best'}`;
}

const NUMBER = '(0|[1-9]\\d{0,8})';
const CAPTIONED = new RegExp(`^captioned-${NUMBER}-${NUMBER}-${NUMBER}$`);
const COVER = new RegExp(`^cover-${NUMBER}-(best|${NUMBER})$`);

/** The piece of that name; undefined for any other text. */
export function pieceOf(name: string): Piece | undefined {
  const captioned = CAPTIONED.exec(name);
  if (captioned !== null) {
    const [clip, line, at] = captioned.slice(1).map(Number) as [number, number, number];
    return { kind: 'captioned', clip, line, at };
  }
  const cover = COVER.exec(name);
  if (cover === null) return undefined;
  const [, clip, frame] = cover;
  return { kind: 'cover', clip: Number(clip), frame: frame === 'best' ? null : Number(frame) };
}

/**
 * How many clips with captions the videos need at most. Before lengths are known, every clip counts as shown while the line is
 * spoken, and what is before it as of another length than everything else.
 */
export function mostCaptioned(combinations: readonly Combination[]): number {
  const captioned = new Set<string>();
  for (const { clips, line } of combinations) {
    if (line === null) continue;
    let film = `${line}`;
    for (const clip of clips) {
      film += `-${clip}`;
      captioned.add(film);
    }
  }
  return captioned.size;
}
