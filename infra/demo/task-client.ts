import { setTimeout as sleep } from 'node:timers/promises';
import type { RenderView } from '../../functions/model/answers/render.ts';
import type { TaskStatus as Status } from '../../functions/model/task.ts';

/** What GET /tasks/{task_id} answers, as far as it is shown here. */
export interface TaskStatus {
  status: Status;
  sources: number;
  prepared: number;
  combinations: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  pending: number;
  elapsed_seconds: number;
  eta_seconds: number | null;
  problem: { message: string } | null;
  /** Null until the task has ended. */
  completed_at: string | null;
  output_folder: string;
}

export interface Accepted {
  task_name: string;
  combinations: number;
  seed: number;
  /** Absent after a dry run. */
  status_url?: string;
  warnings: string[];
}

export interface TaskClient {
  /** Posts a request as it is, JSON or not. Throws with the service's own words when it is refused. */
  post(body: string): Promise<Accepted>;
  /** Asks until the task has ended, and answers with its last status. */
  watch(statusUrl: string, onStatus: (status: TaskStatus) => void): Promise<TaskStatus>;
  renders(statusUrl: string): Promise<RenderView[]>;
}

interface Problem {
  title?: string;
  detail?: string;
  errors?: { pointer: string; message: string }[];
}

const POLL_EVERY_MS = 250;

/** Speaks to the service at `url` over HTTP, as any caller does. */
export function createTaskClient(options: {
  url: string;
  apiKey: string | undefined;
  signal: AbortSignal;
}): TaskClient {
  const { url, apiKey, signal } = options;

  async function ask<T>(address: string, init: { method: string; body?: string }): Promise<T> {
    const headers = { 'content-type': 'application/json', ...(apiKey ? { 'x-api-key': apiKey } : {}) };
    const response = await fetch(address, { ...init, headers, signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw new Error(
        `Expected a running service at ${url}, got none. Next step: start it, or check the URL.`,
        {
          cause: error,
        },
      );
    });
    const text = await response.text();
    const body = parsed(text);
    if (response.ok && body !== undefined) return body as T;
    throw new Error(refusal(response.status, (body ?? {}) as Problem, address));
  }

  return {
    post: (body) => ask<Accepted>(new URL('/process_media', url).href, { method: 'POST', body }),

    async watch(statusUrl, onStatus) {
      for (;;) {
        const status = await ask<TaskStatus>(statusUrl, { method: 'GET' });
        onStatus(status);
        if (status.completed_at !== null) return status;
        await sleep(POLL_EVERY_MS, undefined, { signal });
      }
    },

    async renders(statusUrl) {
      const all: RenderView[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        const page: { renders: RenderView[]; next_cursor: string | null } = await ask(
          `${statusUrl}/renders?cursor=${encodeURIComponent(cursor)}`,
          { method: 'GET' },
        );
        all.push(...page.renders);
        cursor = page.next_cursor;
      }
      return all;
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(status: number, { title, detail, errors = [] }: Problem, address: string): string {
  if (title === undefined)
    return `Expected an answer in JSON from ${address}, got status ${status}. Next step: check the URL.`;
  const mistakes = errors.map(({ pointer, message }) => `  ${pointer || '(request)'}: ${message}`);
  return [`${title} (${status}).${detail ? ` ${detail}` : ''}`, ...mistakes].join('\n');
}
