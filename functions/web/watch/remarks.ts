/** Remarks that all videos share are said once, not of each. Pure. */
import type { RenderView } from '../../model/answers/render.ts';

type Remarked = Pick<RenderView, 'status' | 'warnings'>;

/** Of all finished videos, if there are several. */
export function sharedRemarks(videos: readonly Remarked[]): readonly string[] {
  const [first, ...others] = videos.filter(({ status }) => status === 'succeeded');
  if (first === undefined || others.length === 0) return [];
  return first.warnings.filter((warning) => others.every(({ warnings }) => warnings.includes(warning)));
}
