/** Sends files, two at a time, again after transient errors. Knows nothing of browsers. */
import type { Upload } from './draft.ts';

export interface UploadQueueOptions<F> {
  /** Sends the whole file once. Resolves with its URL. */
  send(file: F, how: { signal: AbortSignal; onSent: (bytes: number) => void }): Promise<string>;
  /** Whether the same may succeed later. */
  isTransient(error: unknown): boolean;
  /** For people. */
  reasonOf(error: unknown): string;
  onChange(id: string, upload: Upload): void;
  /** @param tries how often it was tried, from 1 */
  pauseMs(tries: number): number;
}

/** Ids say which files are the same: such a file is sent once. */
export interface UploadQueue<F> {
  /** All files that are wanted now. Others are stopped; what was sent is remembered. */
  want(files: ReadonlyMap<string, F>): void;
  /** Undefined: it was never wanted, or it was stopped. */
  stateOf(id: string): Upload | undefined;
  /** Sends it again, whatever became of it. */
  retry(id: string): void;
  /** The connection is back: ends all pauses, and tries again what failed without it. */
  wake(): void;
}

interface Job<F> {
  file: F;
  upload: Upload;
  tries: number;
  isLost: boolean;
  stop: AbortController | undefined;
  pause: ReturnType<typeof setTimeout> | undefined;
}

const AT_ONCE = 2;
/** With the pauses of `pauseMs`, some minutes. */
export const MOST_TRIES = 8;

export function createUploadQueue<F>(options: UploadQueueOptions<F>): UploadQueue<F> {
  const jobs = new Map<string, Job<F>>();
  let sending = 0;

  const show = (id: string, job: Job<F>, upload: Upload) => {
    job.upload = upload;
    options.onChange(id, upload);
  };

  const startMore = () => {
    for (const [id, job] of jobs) {
      if (sending >= AT_ONCE) return;
      if (job.upload.state === 'waiting' && job.stop === undefined && job.pause === undefined)
        void run(id, job);
    }
  };

  const run = async (id: string, job: Job<F>) => {
    sending += 1;
    const stop = new AbortController();
    const { signal } = stop;
    job.stop = stop;
    job.tries += 1;
    show(id, job, { state: 'sending', sentBytes: 0 });
    const onSent = (sentBytes: number) => {
      if (job.stop === stop) show(id, job, { state: 'sending', sentBytes });
    };
    try {
      const url = await options.send(job.file, { signal, onSent });
      if (!signal.aborted) show(id, job, { state: 'done', url, at: Date.now() });
    } catch (error) {
      if (!signal.aborted) failed(id, job, error);
    } finally {
      sending -= 1;
      if (job.stop === stop) job.stop = undefined;
      startMore();
    }
  };

  const failed = (id: string, job: Job<F>, error: unknown) => {
    const reason = options.reasonOf(error);
    job.isLost = options.isTransient(error);
    if (!job.isLost || job.tries >= MOST_TRIES) return show(id, job, { state: 'failed', message: reason });
    job.pause = setTimeout(() => {
      job.pause = undefined;
      startMore();
    }, options.pauseMs(job.tries));
    show(id, job, { state: 'waiting', problem: reason });
  };

  const halt = (job: Job<F>) => {
    clearTimeout(job.pause);
    job.pause = undefined;
    job.stop?.abort();
    job.stop = undefined;
  };

  const again = (id: string, job: Job<F>) => {
    halt(job);
    job.tries = 0;
    show(id, job, { state: 'waiting' });
  };

  return {
    want(files) {
      for (const [id, job] of jobs) {
        if (files.has(id) || job.upload.state === 'done') continue;
        jobs.delete(id);
        halt(job);
      }
      for (const [id, file] of files) {
        if (jobs.has(id)) continue;
        const upload: Upload = { state: 'waiting' };
        jobs.set(id, { file, upload, tries: 0, isLost: false, stop: undefined, pause: undefined });
      }
      startMore();
    },
    stateOf: (id) => jobs.get(id)?.upload,
    retry(id) {
      const job = jobs.get(id);
      if (job === undefined) return;
      again(id, job);
      startMore();
    },
    wake() {
      for (const [id, job] of jobs) {
        const isToTry = job.pause !== undefined || (job.upload.state === 'failed' && job.isLost);
        if (isToTry) again(id, job);
      }
      startMore();
    },
  };
}
