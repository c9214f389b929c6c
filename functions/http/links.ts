/** Addresses of this service, for answers. */
import type { TaskLinks } from '../model/answers/task.ts';

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

export function renderLinks(baseUrl: string, taskId: string, index: number, isSaved: boolean) {
  const self = `${baseUrl}/tasks/${taskId}/renders/${index}`;
  return { self, video: isSaved ? `${self}/video` : null };
}
