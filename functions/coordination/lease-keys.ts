/**
 * All keys of leases, claims and records of attempts, and of the memos of the sweep. A lease and the attempts of the work
 * under it may share a key; two pieces of work never do.
 */
import type { PieceName } from '../model/pieces.ts';

/** Lease and attempts: making one source of a task ready. */
export function prepareKey(taskId: string, source: number): string {
  return `prepare/${taskId}/${source}`;
}

/** Lease and attempts: making one piece for a task. */
export function pieceKey(taskId: string, piece: PieceName): string {
  return `piece/${taskId}/${piece}`;
}

/** Rest: a piece that was asked for is not asked for again during it. */
export function pieceAskedKey(taskId: string, piece: PieceName): string {
  return `piece-asked/${taskId}/${piece}`;
}

/** Rest: how long prepare has to make a missing piece again before it is asked once more. */
export function pieceRemakeKey(taskId: string, piece: PieceName): string {
  return `piece-remake/${taskId}/${piece}`;
}

/** Rest of no length: counts how often a piece was made again. */
export function pieceRemadeKey(taskId: string, piece: PieceName): string {
  return `piece-remade/${taskId}/${piece}`;
}

/** Lease and attempts: making the artifacts of a piece, counted for this task only. */
export function makePieceKey(taskId: string, piece: PieceName): string {
  return `make-piece/${taskId}/${piece}`;
}

/** Lease and attempts: downloading a URL for a task; `first` is the first source that names the URL. */
export function fetchKey(taskId: string, first: number): string {
  return `fetch/${taskId}/${first}`;
}

/** Rest: time for the server of the URL to recover. */
export function fetchPauseKey(taskId: string, first: number): string {
  return `fetch-pause/${taskId}/${first}`;
}

/** Rest: counts the rounds in which that server sent next to nothing. */
export function fetchSlowKey(taskId: string, first: number): string {
  return `fetch-slow/${taskId}/${first}`;
}

/** Lease and attempts: making the artifact of a source, counted for this task only. */
export function makeKey(taskId: string, source: number): string {
  return `make/${taskId}/${source}`;
}

/** Lease: making an artifact, shared by all tasks that need it. */
export function artifactLeaseKey(artifact: string): string {
  return `artifact/${artifact}`;
}

/** Lease: one of the slots for lines that are spoken at the same time, numbered from 1. */
export function speechSlotKey(place: number): string {
  return `speech-slot/${place}`;
}

/** Lease and attempts: mixing and saving one combination. */
export function renderKey(taskId: string, index: number): string {
  return `render/${taskId}/${index}`;
}

/** Rest: how long a task that stands still has before its messages count as lost once more. */
export function republishKey(taskId: string): string {
  return `republish/${taskId}`;
}

/** Rest: how long prepare has to make a missing artifact again before it is asked once more. */
export function remakeKey(taskId: string, source: number): string {
  return `remake/${taskId}/${source}`;
}

/** Rest of no length: counts how often the artifact of a source was made again. */
export function remadeKey(taskId: string, source: number): string {
  return `remade/${taskId}/${source}`;
}

/** Lease and attempts: completing a task. */
export function completeKey(taskId: string): string {
  return `complete/${taskId}`;
}

/** Rest: how long completing a task may take before its complete message is published again. */
export function completingKey(taskId: string): string {
  return `completing/${taskId}`;
}

/** Lease: sending the event of a task. */
export function webhookKey(taskId: string): string {
  return `webhook/${taskId}`;
}

/** Rest: how long the messages of a cancelled task have to end it before they are published once more. */
export function cancellingKey(taskId: string): string {
  return `cancelling/${taskId}`;
}

/** Memo: how long a task has made no progress. */
export function idleKey(taskId: string): string {
  return `idle/${taskId}`;
}

/** Claim: the one task that is created for a caller's Idempotency-Key. */
export function requestKey(idempotencyKey: string): string {
  return `request/${idempotencyKey}`;
}

/** Claim: the one retry that a task may have. */
export function retryKey(taskId: string): string {
  return `retry/${taskId}`;
}

/** Memo: how many requests a second the processes may send to a vendor together. */
export function paceKey(vendor: string): string {
  return `pace/${vendor}`;
}

/** Rest: the time between two requests to a vendor; `place` is one of several in which they take turns. */
export function paceTurnKey(vendor: string, place: number): string {
  return `pace-turn/${vendor}/${place}`;
}
