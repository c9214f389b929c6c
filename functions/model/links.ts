/** Addresses of a task, for answers and events. */
import type { TaskLinks } from './answers/task.ts';

/** @param baseUrl where the caller reaches the service, without a trailing slash */
export function taskLinks(baseUrl: string, taskId: string): TaskLinks {
  const self = `${baseUrl}/tasks/${taskId}`;
  return {
    self,
    renders: `${self}/renders`,
    manifest: `${self}/manifest.json`,
    cancel: `${self}/cancel`,
    retry: `${self}/retry`,
  };
}
