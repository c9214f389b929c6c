/** Addresses of this service, for answers. */
export { taskLinks } from '../model/links.ts';

export function renderLinks(baseUrl: string, taskId: string, index: number, isSaved: boolean) {
  const self = `${baseUrl}/tasks/${taskId}/renders/${index}`;
  return { self, video: isSaved ? `${self}/video` : null };
}
