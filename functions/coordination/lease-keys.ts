/**
 * Every key of a lease, a claim or a record of attempts. One key may serve a lease and the attempts of the work done under
 * it; two pieces of work never share one.
 */

/** Lease and attempts: making one source of a task ready. */
export function prepareKey(taskId: string, source: number): string {
  return `prepare/${taskId}/${source}`;
}

/** Lease and attempts: downloading a URL for a task; `first` is the first source that names the URL. */
export function fetchKey(taskId: string, first: number): string {
  return `fetch/${taskId}/${first}`;
}

/** Rest: the server of that URL gets time to recover. */
export function fetchPauseKey(taskId: string, first: number): string {
  return `fetch-pause/${taskId}/${first}`;
}

/** Lease and attempts: making the artifact of a source, counted for this task only. */
export function makeKey(taskId: string, source: number): string {
  return `make/${taskId}/${source}`;
}

/** Lease: making an artifact, whichever task wants it. */
export function artifactLeaseKey(artifact: string): string {
  return `artifact/${artifact}`;
}

/** Lease: one of the places for lines that are spoken at the same time; places count from 1. */
export function speechSlotKey(place: number): string {
  return `speech-slot/${place}`;
}

/** Lease and attempts: mixing and saving one combination. */
export function renderKey(taskId: string, index: number): string {
  return `render/${taskId}/${index}`;
}

/** Rest: how long a source may be missing before its prepare is published again. */
export function republishKey(taskId: string, source: number): string {
  return `republish/${taskId}/${source}`;
}

/** Lease and attempts: ending a task. */
export function completeKey(taskId: string): string {
  return `complete/${taskId}`;
}

/** Rest: how long a task may take to end before its completion is published again. */
export function completingKey(taskId: string): string {
  return `completing/${taskId}`;
}

/** Claim: the one task that a caller's Idempotency-Key makes. */
export function requestKey(idempotencyKey: string): string {
  return `request/${idempotencyKey}`;
}

/** Claim: the one retry that a task may have. */
export function retryKey(taskId: string): string {
  return `retry/${taskId}`;
}
