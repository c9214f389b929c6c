/**
 * Pictures of finished videos, taken in the browser. A player per tile would hold a connection each, and browsers have six: a
 * few players take turns, and what is kept is a small picture.
 */
import { release } from '../ui/release.ts';

export interface Poster {
  /** A blob: address. */
  url: string;
  /** Width of the video divided by its height. */
  aspect: number;
}

const AT_SECONDS = 0.5;
const WIDTH = 400;
const QUALITY = 0.82;
const PLAYERS = 2;
const MOST_KEPT = 400;
/** A player that shows nothing for so long makes way. */
const LIMIT_MS = 15_000;

interface Job {
  address: string;
  signal: AbortSignal;
  done: (poster: Poster | null) => void;
}

const kept = new Map<string, Poster>();
const waiting: Job[] = [];
let busy = 0;

/** The picture if it was taken before. */
export function keptPoster(name: string): Poster | undefined {
  return kept.get(name);
}

/**
 * Resolves with null where no picture can be had: the video is gone, or it comes from a storage that lets no page read it.
 * @param name of the video, whatever its address is now
 */
export async function takePoster(name: string, address: string, signal: AbortSignal): Promise<Poster | null> {
  const { promise, resolve } = Promise.withResolvers<Poster | null>();
  waiting.push({ address, signal, done: resolve });
  next();
  const poster = await promise;
  return poster === null ? null : keep(name, poster);
}

function next(): void {
  if (busy >= PLAYERS) return;
  // The latest first: those before it may be out of view by now.
  const job = waiting.pop();
  if (job === undefined) return;
  if (job.signal.aborted) {
    job.done(null);
    next();
    return;
  }
  busy += 1;
  void pictureOf(job.address, job.signal)
    .catch(() => null)
    .then((poster) => {
      busy -= 1;
      job.done(poster);
      next();
    });
}

function keep(name: string, poster: Poster): Poster {
  const before = kept.get(name);
  if (before !== undefined) {
    // Taken twice, for a tile that was out of view for a moment.
    URL.revokeObjectURL(poster.url);
    return before;
  }
  kept.set(name, poster);
  for (const [oldest, { url }] of kept) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
    URL.revokeObjectURL(url);
  }
  return poster;
}

async function pictureOf(address: string, signal: AbortSignal): Promise<Poster> {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.preload = 'auto';
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    video.src = address;
    await heard(video, 'loadeddata', limit);
    const sought = heard(video, 'seeked', limit);
    video.currentTime = Math.min(AT_SECONDS, video.duration / 2);
    await sought;
    const aspect = video.videoWidth / video.videoHeight;
    const canvas = document.createElement('canvas');
    canvas.width = WIDTH;
    canvas.height = Math.round(WIDTH / aspect);
    canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { promise, resolve } = Promise.withResolvers<Blob | null>();
    canvas.toBlob(resolve, 'image/jpeg', QUALITY);
    const blob = await promise;
    if (blob === null) throw new Error('Expected a picture, got none.');
    return { url: URL.createObjectURL(blob), aspect };
  } finally {
    release(video);
  }
}

function heard(video: HTMLVideoElement, event: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  video.addEventListener(event, () => resolve(), { once: true, signal });
  video.addEventListener('error', () => reject(new Error('Expected a video that plays.')), {
    once: true,
    signal,
  });
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
