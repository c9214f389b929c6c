/** Addresses of the files of a task, as browsers open them by themselves. */
import { useEffect, useState } from 'preact/hooks';
import type { RenderView } from '../../model/answers/render.ts';
import { renderPaths, taskPaths } from '../../model/paths.ts';
import { accessTo, apiKey, fileLink } from '../service.ts';
import { useStore } from '../ui/store.ts';

/** A new token is asked for so long before the old one expires. */
const RENEW_EARLY_MS = 600_000;
/** Timers take no more. */
const MOST_TIMER_MS = 2 ** 31 - 1;
const RETRY_MS = 30_000;

/** A token for the files of the task; null: none is needed; undefined: not known yet. */
export type Token = string | null | undefined;

/** @param isOn whether the service has answered, so that it is known whether it wants a key */
export function useAccess(taskId: string, isOn: boolean): Token {
  const [token, set] = useState<Token>(undefined);
  // With another one, or the first one, links need another token.
  const key = useStore(apiKey);
  useEffect(() => {
    if (!isOn) return undefined;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const renew = async () => {
      let pauseMs = RETRY_MS;
      try {
        const access = await accessTo(taskId);
        if (isOver) return;
        set(access?.token ?? null);
        if (access === null) return;
        pauseMs = Math.max(RETRY_MS, Date.parse(access.expires_at) - Date.now() - RENEW_EARLY_MS);
      } catch {
        // The task itself says what is wrong.
      }
      if (!isOver) timer = setTimeout(renew, Math.min(pauseMs, MOST_TIMER_MS));
    };
    void renew();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [taskId, isOn, key]);
  return token;
}

export function videoLink(taskId: string, index: number, token: Token): string {
  return fileLink(renderPaths(taskId, index).video, token);
}

export function manifestLink(taskId: string, kind: 'json' | 'csv', token: Token): string {
  return fileLink(taskPaths(taskId).manifest.replace(/json$/, kind), token);
}

/** @param indexes of the videos that are wanted; left out: all */
export function zipLink(taskId: string, token: Token, indexes?: readonly number[]): string {
  const some = indexes === undefined ? '' : `?renders=${indexes.join(',')}`;
  return fileLink(`${taskPaths(taskId).zip}${some}`, token);
}

/** Where others find the video; null: only on the machine of the service. */
export function webAddress({ url }: Pick<RenderView, 'url'>): string | null {
  return url?.startsWith('https:') ? url : null;
}

/** Drive shows videos on pages of its own, and sends no files to other pages. */
export function isOnDrive(video: Pick<RenderView, 'url'>): boolean {
  const { host } = URL.parse(webAddress(video) ?? '') ?? { host: '' };
  return host === 'drive.google.com' || host === 'docs.google.com';
}
