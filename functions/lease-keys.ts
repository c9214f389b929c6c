/** Names of the leases that more than one stage asks about. */

export function prepareKey(taskId: string, source: number): string {
  return `prepare/${taskId}/${source}`;
}

export function renderKey(taskId: string, index: number): string {
  return `render/${taskId}/${index}`;
}
