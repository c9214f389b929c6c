/** What videos are called on the page. */
import type { RenderView } from '../../model/answers/render.ts';

/** The names that people gave the clips of a video. */
export function labelOf({ clip_names }: Pick<RenderView, 'clip_names'>): string {
  return clip_names.join(' · ');
}

/** Without the sub-folders. */
export function baseName(fileName: string): string {
  return fileName.slice(fileName.lastIndexOf('/') + 1);
}
