/** Work that is done again and again while the page can be seen. */
import { useEffect, useRef } from 'preact/hooks';

/**
 * Runs `work` now and after each pause, one at a time, and not while the tab is hidden; at once when it is seen again.
 * @param work what it throws is dropped: it tells people itself
 */
export function useTicks(work: (signal: AbortSignal) => Promise<void>, pauseMs: number): void {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isRunning = false;
    const run = async () => {
      if (isRunning || document.hidden) return;
      isRunning = true;
      await latest.current(stop.signal).catch(() => {});
      isRunning = false;
      if (!stop.signal.aborted) timer = setTimeout(run, pauseMs);
    };
    const seen = () => {
      clearTimeout(timer);
      void run();
    };
    void run();
    document.addEventListener('visibilitychange', seen);
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [pauseMs]);
}
