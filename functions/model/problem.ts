import type { TransientCode } from '../base/codes.ts';
import type { Stage } from '../base/errors.ts';
import type { PieceName } from './pieces.ts';

/** Work of a task that a problem holds up. `fetch`: the download of a source, for whichever stage needs it. */
export type Work =
  /** `piece`: what is made of the source. */
  | { topic: 'fetch' | 'prepare'; source: number; piece?: PieceName }
  | { topic: 'render'; index: number }
  | { topic: 'complete' };

/** A transient error that holds up a task: the work is tried again. Times are milliseconds since the epoch. */
export interface Problem {
  work: Work;
  code: TransientCode;
  message: string;
  /** Null: the usual one of that work. */
  stage: Stage | null;
  /** When the work failed for the first time since it last went on. */
  since: number;
  /** Null if unknown. */
  nextTryAt: number | null;
  notedAt: number;
}

/** The same for the same work. */
export function workName(work: Work): string {
  switch (work.topic) {
    case 'fetch':
    case 'prepare':
      return `${work.topic}/${work.piece ?? work.source}`;
    case 'render':
      return `${work.topic}/${work.index}`;
    case 'complete':
      return work.topic;
  }
}
