/** Paths of the HTTP interface, for the service's links and for its client. */

export const PROCESS_MEDIA_PATH = '/process_media';
export const TASKS_PATH = '/tasks';
export const UPLOADS_PATH = '/uploads';
export const VOICES_PATH = '/voices';
/** And /readyz, which the front end of Cloud Run may answer itself. */
export const READY_PATH = '/ready';
export const STATS_PATH = '/stats';
export const SETTINGS_PATH = '/settings';

export function taskPaths(taskId: string) {
  const self = `${TASKS_PATH}/${encodeURIComponent(taskId)}`;
  return {
    self,
    renders: `${self}/renders`,
    manifest: `${self}/manifest.json`,
    access: `${self}/access`,
    zip: `${self}/manifest.zip`,
    cancel: `${self}/cancel`,
    retry: `${self}/retry`,
    webhook: `${self}/webhook`,
  } as const;
}

export function voicePreviewPath(voiceId: string): string {
  return `${VOICES_PATH}/${encodeURIComponent(voiceId)}/preview`;
}

/** @param index number of the combination, from 1 */
export function renderPaths(taskId: string, index: number) {
  const self = `${taskPaths(taskId).renders}/${index}`;
  return { self, video: `${self}/video` } as const;
}
