/** Asks before the page is left while files are still being sent: they would have to be chosen again. */
import { type Draft, draft } from './draft.ts';

/** Whichever view is shown. */
export function askBeforeLeaving(): void {
  addEventListener('beforeunload', (event) => {
    if (hasUnsent(draft.get())) event.preventDefault();
  });
}

function hasUnsent({ blocks, tracks }: Draft): boolean {
  return [...blocks.flatMap(({ clips }) => clips), ...tracks].some(
    ({ source }) => source.kind === 'file' && source.upload.state !== 'done',
  );
}
