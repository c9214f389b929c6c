/** Asks before the page is left while it holds files that no task has yet. */
import { type Draft, draft } from './draft.ts';

/** Whichever view is shown. */
export function askBeforeLeaving(): void {
  addEventListener('beforeunload', (event) => {
    if (hasFiles(draft.get())) event.preventDefault();
  });
}

function hasFiles({ blocks, tracks }: Draft): boolean {
  return [...blocks.flatMap(({ clips }) => clips), ...tracks].some(
    ({ source }) => source.kind === 'file' && source.file !== null,
  );
}
