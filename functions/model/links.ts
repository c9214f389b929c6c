/** Addresses of this service, for answers and events. `baseUrl`: where the caller reaches it, without a trailing slash. */
import type { TaskLinks } from './answers/links.ts';
import { renderPaths, taskPaths } from './paths.ts';

export function taskLinks(baseUrl: string, taskId: string): TaskLinks {
  const { self, renders, manifest, cancel, retry } = taskPaths(taskId);
  return {
    self: `${baseUrl}${self}`,
    renders: `${baseUrl}${renders}`,
    manifest: `${baseUrl}${manifest}`,
    cancel: `${baseUrl}${cancel}`,
    retry: `${baseUrl}${retry}`,
  };
}

export function renderLinks(baseUrl: string, taskId: string, index: number, isSaved: boolean) {
  const { self, video } = renderPaths(taskId, index);
  return { self: `${baseUrl}${self}`, video: isSaved ? `${baseUrl}${video}` : null };
}
