/** Paths of the HTTP interface, for the service's links and for its client. */

export const PROCESS_MEDIA_PATH = '/process_media';
export const TASKS_PATH = '/tasks';
export const UPLOADS_PATH = '/uploads';
/** And /readyz, which the front end of Cloud Run may answer itself. */
export const READY_PATH = '/ready';
export const STATS_PATH = '/stats';

export function taskPaths(taskId: string) {
  const self = `${TASKS_PATH}/${encodeURIComponent(taskId)}`;
  return {
    self,
    renders: `${self}/renders`,
    manifest: `${self}/manifest.json`,
    zip: `${self}/manifest.zip`,
    cancel: `${self}/cancel`,
    retry: `${self}/retry`,
    webhook: `${self}/webhook`,
  } as const;
}

/** @param index number of the combination, from 1 */
export function renderPaths(taskId: string, index: number) {
  const self = `${taskPaths(taskId).renders}/${index}`;
  return { self, video: `${self}/video` } as const;
}
