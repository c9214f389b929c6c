/** Follows one task: its status and its videos, as long as somebody looks. */
import { useEffect, useState } from 'preact/hooks';
import { ServiceError } from '../../client/client.ts';
import type { RenderView } from '../../model/answers/render.ts';
import type { StatusView } from '../../model/answers/task.ts';
import { ask } from '../service.ts';
import { createStore, type Store } from '../ui/store.ts';
import { isOpen, isWhole, nextPage, type VideoPage, videosIn, withPage } from './pages.ts';

export interface Followed {
  /** Null until the service has answered. */
  status: StatusView | null;
  videos: readonly RenderView[];
  /** Whether all videos are in the list. */
  isListed: boolean;
  /** The service does not answer now. */
  isAway: boolean;
  /** Why it cannot be followed any longer. */
  error: unknown;
}

const FIRST_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 10_000;
/** The list is read at most so often, and no longer than a third of the time. */
const LIST_PAUSE_MS = 1_000;
const LIST_SHARE = 2;
/** While the event of an ended task is on its way. */
const EVENT_PAUSE_MS = 5_000;
/** An ended task may be deleted elsewhere. */
const ENDED_PAUSE_MS = 30_000;

export function useFollowed(taskId: string): Store<Followed> {
  const [store] = useState(() =>
    createStore<Followed>({ status: null, videos: [], isListed: false, isAway: false, error: undefined }),
  );
  useEffect(() => {
    const stop = new AbortController();
    const end = (error: unknown) => {
      if (!stop.signal.aborted) store.set((now) => ({ ...now, error }));
      stop.abort();
    };
    followStatus(taskId, store, stop.signal).catch(end);
    followVideos(taskId, store, stop.signal).catch(end);
    return () => stop.abort();
  }, [taskId]);
  return store;
}

async function followStatus(taskId: string, store: Store<Followed>, signal: AbortSignal): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; ; ) {
    await seen(signal);
    const looked = new AbortController();
    const onHide = () => document.hidden && looked.abort();
    document.addEventListener('visibilitychange', onHide);
    try {
      await ask(async (client) => {
        const watching = client.watch(taskId, {
          signal: AbortSignal.any([signal, looked.signal]),
          patienceMs: 0,
        });
        for await (const status of watching) {
          pauseMs = FIRST_PAUSE_MS;
          store.set((now) => ({ ...now, status, isAway: false }));
        }
      });
      if (hasEventUnderWay(store.get())) await pause(EVENT_PAUSE_MS, signal);
      else await reasonToLook(store, signal);
    } catch (error) {
      if (signal.aborted || (!looked.signal.aborted && !isTransient(error))) throw error;
      if (looked.signal.aborted) continue;
      store.set((now) => ({ ...now, isAway: true }));
      await pause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, MOST_PAUSE_MS);
    } finally {
      document.removeEventListener('visibilitychange', onHide);
    }
  }
}

async function followVideos(taskId: string, store: Store<Followed>, signal: AbortSignal): Promise<void> {
  let pages: readonly VideoPage[] = [];
  for (;;) {
    await seen(signal);
    const began = performance.now();
    const before = store.get().status;
    const asked = new Set<number>();
    for (;;) {
      const page = nextPage(pages, endedBy(store.get().status), asked);
      if (page === undefined) break;
      if (isWhole(pages)) asked.add(page.at);
      try {
        const answer = await ask((client) => client.renderPage(taskId, { cursor: page.cursor, signal }));
        pages = withPage(pages, page, answer);
      } catch (error) {
        if (signal.aborted || !isTransient(error)) throw error;
        break;
      }
      show(store, pages);
    }
    if (isWhole(pages) && !videosIn(pages).some(isOpen)) return;
    await pause(Math.max(LIST_PAUSE_MS, (performance.now() - began) * LIST_SHARE), signal);
    // What nobody has heard to have ended is not asked for again.
    if (isWhole(pages) && !before?.completed_at)
      await heard(store, ({ status }) => status !== before, signal);
  }
}

/** Many answers may come between two frames. */
function show(store: Store<Followed>, pages: readonly VideoPage[]): void {
  const { videos } = store.get();
  const now = videosIn(pages);
  const isSame = now.length === videos.length && now.every((video, at) => video === videos[at]);
  if (isSame && store.get().isListed === isWhole(pages)) return;
  store.set((all) => ({ ...all, videos: now, isListed: isWhole(pages) }));
}

function endedBy(status: StatusView | null): number {
  return status === null ? 0 : status.succeeded + status.failed + status.cancelled;
}

function isTransient(error: unknown): boolean {
  return ServiceError.is(error) && error.isTransient;
}

/** Resolves once the page can be seen. */
async function seen(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return;
  await happened(signal, (resolve) => {
    document.addEventListener('visibilitychange', resolve);
    return () => document.removeEventListener('visibilitychange', resolve);
  });
}

/** Resolves once the task is as it is waited for. */
async function heard(
  store: Store<Followed>,
  isWanted: (now: Followed) => boolean,
  signal: AbortSignal,
): Promise<void> {
  if (isWanted(store.get())) return;
  await happened(signal, (resolve) => store.follow((now) => isWanted(now) && resolve()));
}

function hasEventUnderWay({ status }: Followed): boolean {
  return status?.webhook?.state === 'pending';
}

/** Resolves once a person sends the event of an ended task again or comes back to the page, at the latest after a while. */
async function reasonToLook(store: Store<Followed>, signal: AbortSignal): Promise<void> {
  await happened(signal, (resolve) => {
    const timer = setTimeout(resolve, ENDED_PAUSE_MS);
    const unfollow = store.follow((now) => hasEventUnderWay(now) && resolve());
    const onSeen = () => !document.hidden && resolve();
    document.addEventListener('visibilitychange', onSeen);
    return () => {
      clearTimeout(timer);
      unfollow();
      document.removeEventListener('visibilitychange', onSeen);
    };
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await happened(signal, (resolve) => {
    const timer = setTimeout(resolve, ms);
    return () => clearTimeout(timer);
  });
}

/** Leaves nothing behind on the signal, which lasts as long as the task is shown. @param wait returns what ends the waiting */
async function happened(signal: AbortSignal, wait: (resolve: () => void) => () => void): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  const end = wait(stop);
  signal.addEventListener('abort', stop);
  await promise;
  signal.removeEventListener('abort', stop);
  end();
  signal.throwIfAborted();
}
