/**
 * A client of the HTTP interface, for Node and browsers. Its types come from the schemas that the service validates requests
 * by and describes its answers with.
 */
import type { AccessView } from '../model/answers/access.ts';
import type { ReadyView } from '../model/answers/health.ts';
import type { ManifestView } from '../model/answers/manifest.ts';
import type { ChoicesView, PlanView, RenderList, RenderStatus, RenderView } from '../model/answers/render.ts';
import type { SettingsView } from '../model/answers/settings.ts';
import type { StatsView } from '../model/answers/stats.ts';
import type { Accepted, StatusView, TaskEntry, TaskList } from '../model/answers/task.ts';
import type { Upload, UploadRequest } from '../model/answers/upload.ts';
import type { VoiceList } from '../model/answers/voice.ts';
import {
  PROCESS_MEDIA_PATH,
  READY_PATH,
  renderPaths,
  SETTINGS_PATH,
  STATS_PATH,
  TASKS_PATH,
  taskPaths,
  UPLOADS_PATH,
  VOICES_PATH,
  voicePreviewPath,
} from '../model/paths.ts';
import type { ProcessMediaRequest } from '../model/request-schema.ts';
import type { TaskStatus } from '../model/task.ts';
import { refusalOf } from './service-error.ts';
import { type Ask, createTransport, jsonOf, type TransportOptions } from './transport.ts';
import { watchTask } from './watch.ts';

export { ServiceError } from './service-error.ts';
export type { ChoicesView, ProcessMediaRequest, StatsView, StatusView, TransportOptions as ClientOptions };

export interface Stop {
  signal?: AbortSignal | undefined;
}

export interface TaskFilters extends Stop {
  status?: TaskStatus;
  name?: string;
  /** Tasks per answer; the iteration goes on over all answers. */
  limit?: number;
}

export interface VoiceFilters extends Stop {
  /** Part of a name or label. */
  search?: string;
  limit?: number;
  /** The next_cursor of the page before. */
  cursor?: string;
}

export interface UploadOptions extends UploadRequest, Stop {
  /** All bytes of the file, as many as `bytes` says. */
  body: NonNullable<RequestInit['body']>;
}

/**
 * All methods throw ServiceError if the service refuses, does not answer, or something else answers in its place, and the
 * signal's reason if it is aborted.
 */
export interface Client {
  /** Starts a task. With the same key, the same request may be repeated: it starts one task. */
  submit(request: ProcessMediaRequest, options?: Stop & { idempotencyKey?: string }): Promise<Accepted>;
  /** The plan of a request, in pages; nothing is started. */
  plan(request: ProcessMediaRequest, options?: Stop): AsyncGenerator<PlanView, void>;
  status(taskId: string, options?: Stop): Promise<StatusView>;
  /**
   * Each status that differs from the last, until the task has ended. Goes on while the service restarts or is too busy, for
   * `patienceMs` (5 minutes) at a time.
   */
  watch(taskId: string, options?: Stop & { patienceMs?: number }): AsyncGenerator<StatusView, void>;
  /** Watches to the end and resolves with the last status. */
  ended(
    taskId: string,
    options?: Stop & { patienceMs?: number; onStatus?: (status: StatusView) => void },
  ): Promise<StatusView>;
  tasks(filters?: TaskFilters): AsyncGenerator<TaskEntry, void>;
  renders(taskId: string, options?: Stop & { status?: RenderStatus }): AsyncGenerator<RenderView, void>;
  /** One page of the same, for callers that keep their place: `cursor` is the `next_cursor` of the page before. */
  renderPage(
    taskId: string,
    options?: Stop & { cursor?: string | null; limit?: number },
  ): Promise<RenderList>;
  /** @param index number of the combination, from 1 */
  render(taskId: string, index: number, options?: Stop): Promise<RenderView>;
  /**
   * The finished video, as the body of the answer. Throws ServiceError with OUTPUT=drive, where a page for people is all there
   * is: open the `url` of `render`. In a browser also with OUTPUT=gcs, because browsers hide the redirect to the storage.
   */
  video(taskId: string, index: number, options?: Stop): Promise<Response>;
  /** The manifest of an ended task, as JSON. */
  manifest(taskId: string, options?: Stop): Promise<ManifestView>;
  /**
   * A token for addresses that a page shows or links to, as browsers send no API key with them: add `?access=` and the token to
   * those of videos, manifests and the archive of this task. It works for 12 hours, for whoever has it.
   */
  access(taskId: string, options?: Stop): Promise<AccessView>;
  /**
   * All finished videos in one archive, as the body of the answer.
   * @param options `renders` are the indexes of those that it shall have, at most 1,000
   */
  zip(taskId: string, options?: Stop & { renders?: readonly number[] }): Promise<Response>;
  /** Asks where to send a file, for callers that send it themselves. Once it is there, `url` may be that of a clip or track. */
  offerUpload(file: UploadRequest, options?: Stop): Promise<Upload>;
  /** Sends a file. Resolves with its URL (`upload:…`), which may be that of a clip or track. */
  upload(file: UploadOptions): Promise<string>;
  cancel(taskId: string, options?: Stop): Promise<StatusView>;
  /** Makes the failed combinations again, as a new task. */
  retry(taskId: string, options?: Stop): Promise<Accepted>;
  /** Sends the event of an ended task to its callback_url again. */
  sendWebhook(taskId: string, options?: Stop): Promise<StatusView>;
  /** Forgets an ended task; its videos stay. */
  delete(taskId: string, options?: Stop): Promise<void>;
  /** A page of the voices that lines may name, and who speaks them. */
  voices(filters?: VoiceFilters): Promise<VoiceList>;
  /** A sample of a voice, as the body of the answer. */
  voicePreview(voiceId: string, options?: Stop): Promise<Response>;
  /** Whether the service can take work, and why not. */
  ready(options?: Stop): Promise<ReadyView>;
  /** What the service is doing. */
  stats(options?: Stop): Promise<StatsView>;
  /** The settings that it was started with, without secrets. */
  settings(options?: Stop): Promise<SettingsView>;
}

/** @param options `headers` are sent with each request, such as an identity token of Google in `authorization` */
export function createClient(options: TransportOptions): Client {
  const transport = createTransport(options);
  const { json, file } = transport;

  const watch: Client['watch'] = (taskId, { signal, patienceMs } = {}) => {
    const either = AbortSignal.any([options.signal, signal].filter((one) => one !== undefined));
    return watchTask(transport, taskId, { signal: either, patienceMs });
  };

  /** What `entriesOf` finds in each page. */
  async function* pages<P extends { next_cursor: string | null }, T>(
    path: string,
    query: Record<string, string | number | undefined>,
    ask: Ask,
    field: keyof P & string,
    entriesOf: (page: P) => readonly T[],
  ): AsyncGenerator<T, void> {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page: P = await json<P>(`${path}${queryOf({ ...query, cursor })}`, field, ask);
      yield* entriesOf(page);
      cursor = page.next_cursor;
    }
  }

  const offerUpload: Client['offerUpload'] = ({ name, bytes, type }, stop) =>
    json(UPLOADS_PATH, 'upload_url', { method: 'POST', body: { name, bytes, type }, ...stop });

  return {
    submit(request, { idempotencyKey, ...stop } = {}) {
      const headers = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
      return json(PROCESS_MEDIA_PATH, 'task_id', { method: 'POST', body: request, headers, ...stop });
    },

    async *plan(request, stop) {
      let body = { ...request, dry_run: true };
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const path = `${PROCESS_MEDIA_PATH}${queryOf({ cursor })}`;
        const page: PlanView = await json(path, 'renders', { method: 'POST', body, ...stop });
        yield page;
        cursor = page.next_cursor;
        // Without it, each page would be of another plan.
        body = { ...body, seed: page.seed };
      }
    },

    status: (taskId, stop) => json(taskPaths(taskId).self, 'task_id', stop),

    watch,

    async ended(taskId, { onStatus, ...stop } = {}) {
      let last: StatusView | undefined;
      for await (const status of watch(taskId, stop)) {
        onStatus?.(status);
        last = status;
      }
      return last as StatusView;
    },

    tasks: ({ signal, ...filters } = {}) =>
      pages(TASKS_PATH, filters, { signal }, 'tasks', (page: TaskList) => page.tasks),

    renders: (taskId, { signal, ...filters } = {}) =>
      pages(taskPaths(taskId).renders, filters, { signal }, 'renders', (page: RenderList) => page.renders),

    renderPage: (taskId, { signal, ...query } = {}) =>
      json(`${taskPaths(taskId).renders}${queryOf(query)}`, 'renders', { signal }),

    render: (taskId, index, stop) => json(renderPaths(taskId, index).self, 'index', stop),
    video: (taskId, index, stop) =>
      file(
        renderPaths(taskId, index).video,
        'video/',
        'open the url that render() has; a video on Google Drive has only a page for people.',
        stop,
      ),
    manifest: (taskId, stop) => json(taskPaths(taskId).manifest, 'renders', stop),
    access: (taskId, stop) => json(taskPaths(taskId).access, 'token', { method: 'POST', ...stop }),
    zip(taskId, { renders, ...stop } = {}) {
      // With commas as they are, so that a thousand fit into an address.
      const some = renders === undefined ? '' : `?renders=${renders.join()}`;
      return file(`${taskPaths(taskId).zip}${some}`, 'application/zip', 'check the URL.', stop);
    },

    offerUpload,

    async upload({ body, signal, ...file }) {
      const upload = await offerUpload(file, { signal });
      // Fetch wants `duplex` for streams: https://fetch.spec.whatwg.org/#dom-requestinit-duplex
      const { method, headers } = upload;
      const init = { method, headers, body, signal: signal ?? null, duplex: 'half' as const };
      const answer = await transport.sendTo(upload.upload_url, init);
      if (!answer.response.ok) throw refusalOf(answer);
      return upload.url;
    },

    cancel: (taskId, stop) => json(taskPaths(taskId).cancel, 'task_id', { method: 'POST', ...stop }),
    retry: (taskId, stop) => json(taskPaths(taskId).retry, 'task_id', { method: 'POST', ...stop }),
    sendWebhook: (taskId, stop) => json(taskPaths(taskId).webhook, 'task_id', { method: 'POST', ...stop }),

    async delete(taskId, stop) {
      const answer = await transport.text(taskPaths(taskId).self, { method: 'DELETE', ...stop });
      if (answer.response.status !== 204) throw refusalOf(answer);
    },

    voices: ({ signal, ...filters } = {}) => json(`${VOICES_PATH}${queryOf(filters)}`, 'voices', { signal }),
    voicePreview: (voiceId, stop) => file(voicePreviewPath(voiceId), 'audio/', 'check the URL.', stop),
    async ready(stop) {
      const answer = await transport.text(READY_PATH, stop);
      // What answers in place of a service that is not there has this status, too, but no checks.
      return jsonOf<ReadyView>(answer, 'checks', [503]);
    },

    stats: (stop) => json(STATS_PATH, 'uptime_seconds', stop),
    settings: (stop) => json(SETTINGS_PATH, 'settings', stop),
  };
}

function queryOf(parameters: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query}`;
}
