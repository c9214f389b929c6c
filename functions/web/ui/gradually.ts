/** Draws a long list a part at a time, so that the page answers in between. */
import { useEffect, useState } from 'preact/hooks';

/** How many of `total` entries are drawn now: soon all of them. @param step so many at a time */
export function useGradually(total: number, step: number): number {
  const [shown, show] = useState(step);
  const isAll = total <= shown + step;
  useEffect(() => {
    if (isAll) {
      // So that what is added later is there at once.
      if (total > shown) show(total);
      return;
    }
    const timer = setTimeout(() => show(shown + step), 0);
    return () => clearTimeout(timer);
  }, [shown, total, isAll]);
  return isAll ? total : shown;
}
