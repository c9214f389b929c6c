/** What the browser can tell of a file: its length and a small picture. One file at a time, when nothing else is to do. */

import { release } from '../ui/release.ts';
import { placeOfClip } from './arrange-clips.ts';
import { changeClips } from './change-clips.ts';
import { type Clip, draft } from './draft.ts';
import { kindOf } from './file-kinds.ts';
import { toMs } from './trim-times.ts';

interface Facts {
  seconds: number | null;
  poster: string | null;
  isUnreadable?: boolean;
}

const NONE: Facts = { seconds: null, poster: null };
const UNREADABLE: Facts = { ...NONE, isUnreadable: true };
/** The longer side of a picture, in pixels: enough for a preview of captions on it. */
const MOST_PIXELS = 320;
const SHOWN_EVERY_MS = 150;
const LIMIT_MS = 10_000;
/** Where the picture is taken: many clips begin with a black frame. */
const AT_SECONDS = 0.5;

const waiting: { key: string; file: File }[] = [];
const found = new Map<string, Facts>();
let shownAt = 0;
let isBusy = false;

/** Looks at the files of these clips, and writes into the draft what it finds. */
export function findFacts(clips: readonly { key: string; file: File }[]): void {
  waiting.push(...clips);
  void lookAtAll();
}

async function lookAtAll(): Promise<void> {
  if (isBusy) return;
  isBusy = true;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { key, file } = next;
    await idle();
    const isThere = placeOfClip(draft.get(), key) !== undefined;
    const facts = isThere ? await factsOf(file).catch(withoutFacts) : NONE;
    found.set(key, facts);
    if (waiting.length === 0 || performance.now() - shownAt >= SHOWN_EVERY_MS) show();
  }
  isBusy = false;
}

/** With all that was found meanwhile: each change draws parts of the page again. */
function show(): void {
  shownAt = performance.now();
  const withFacts = (clip: Clip): Clip => {
    const facts = found.get(clip.key);
    return facts === undefined || facts === NONE ? clip : { ...clip, ...facts };
  };
  changeClips(withFacts);
  found.clear();
}

/** A browser that is merely slow says nothing of the file. */
function withoutFacts(error: unknown): Facts {
  const isOfFile = error instanceof MediaError || error instanceof DOMException;
  return isOfFile ? UNREADABLE : NONE;
}

async function factsOf(file: File): Promise<Facts> {
  switch (kindOf(file)) {
    case 'picture':
      return { seconds: null, poster: await pictureOf(file) };
    case 'sound':
      return withMedia(file, 'audio', async (media) => ({ ...NONE, seconds: lengthOf(media) }));
    default:
      return file.type === 'image/gif'
        ? { seconds: null, poster: await pictureOf(file) }
        : withMedia(file, 'video', (media) => frameOf(media as HTMLVideoElement));
  }
}

/** Runs `look` once the media's length is known, and frees all that the media holds. */
async function withMedia(
  file: File,
  tag: 'audio' | 'video',
  look: (media: HTMLMediaElement) => Promise<Facts>,
): Promise<Facts> {
  const media = document.createElement(tag);
  const url = URL.createObjectURL(file);
  try {
    media.muted = true;
    media.preload = tag === 'audio' ? 'metadata' : 'auto';
    const known = heard(media, 'loadedmetadata');
    media.src = url;
    await known;
    return await look(media);
  } finally {
    release(media);
    URL.revokeObjectURL(url);
  }
}

async function frameOf(video: HTMLVideoElement): Promise<Facts> {
  const seconds = lengthOf(video);
  if (video.videoWidth === 0) return { seconds, poster: null };
  try {
    const shown = heard(video, 'seeked');
    video.currentTime = Math.min(AT_SECONDS, (seconds ?? 0) / 2);
    await shown;
    return { seconds, poster: drawn(video, video.videoWidth, video.videoHeight) };
  } catch {
    return { seconds, poster: null };
  }
}

async function pictureOf(file: File): Promise<string> {
  const bitmap = await createImageBitmap(file);
  try {
    return drawn(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

function drawn(image: CanvasImageSource, width: number, height: number): string {
  const scale = Math.min(1, MOST_PIXELS / Math.max(width, height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/jpeg', 0.7);
}

/** Null: it has none, as a recording that was not closed. */
function lengthOf({ duration }: HTMLMediaElement): number | null {
  return Number.isFinite(duration) && duration > 0 ? toMs(duration) : null;
}

function heard(media: HTMLMediaElement, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`No ${event} in time.`)), LIMIT_MS);
    const settle = (end: () => void) => () => {
      clearTimeout(limit);
      end();
    };
    media.addEventListener(event, settle(resolve), { once: true });
    media.addEventListener(
      'error',
      settle(() => reject(media.error)),
      { once: true },
    );
  });
}

function idle(): Promise<void> {
  return new Promise((resolve) => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => resolve(), { timeout: 500 });
    else setTimeout(resolve, 50);
  });
}
