/** Asks before the page is left while it holds files that no task has yet. */
import { type Draft, draft } from './draft.ts';

/** For an effect: ends asking when the answer is called. */
export function askBeforeLeaving(): () => void {
  const heard = (event: BeforeUnloadEvent) => {
    if (hasFiles(draft.get())) event.preventDefault();
  };
  addEventListener('beforeunload', heard);
  return () => removeEventListener('beforeunload', heard);
}

function hasFiles({ blocks, tracks }: Draft): boolean {
  return [...blocks.flatMap(({ clips }) => clips), ...tracks].some(
    ({ source }) => source.kind === 'file' && source.file !== null,
  );
}
