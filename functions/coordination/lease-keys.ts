/** Names of the leases and claims that more than one stage asks about. */

export function prepareKey(taskId: string, source: number): string {
  return `prepare/${taskId}/${source}`;
}

export function renderKey(taskId: string, index: number): string {
  return `render/${taskId}/${index}`;
}

/** The claim of the one retry that a task may have. */
export function retryKey(taskId: string): string {
  return `retry/${taskId}`;
}
