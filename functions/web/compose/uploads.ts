/** Sends the files of the draft as soon as they are in it, and keeps there how far each is. */
import { ServiceError } from '../../client/service-error.ts';
import { ask, messageOf } from '../service.ts';
import { changeClips } from './change-clips.ts';
import { type Clip, type Draft, draft, type Upload } from './draft.ts';
import { mediaTypeOf } from './file-kinds.ts';
import { type SendOptions, sendFile } from './send-file.ts';
import { createUploadQueue } from './upload-queue.ts';

const PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 30_000;
const SHOWN_EVERY_MS = 120;
const MOST_NAME = 200;

const queue = createUploadQueue<File>({
  send,
  isTransient: (error) => ServiceError.is(error) && (error.isTransient || isFault(error)),
  reasonOf,
  onChange: (id, upload) => show(new Map([[id, upload]])),
  // A little apart, so that not all that failed together come together again.
  pauseMs: (tries) => Math.min(PAUSE_MS * 2 ** (tries - 1), MOST_PAUSE_MS) * (0.75 + Math.random() / 2),
});
const changed = new Map<string, Upload>();
let timer: ReturnType<typeof setTimeout> | undefined;
let isLooking = false;

draft.follow(look);
addEventListener('online', () => queue.wake());
look();

export function isOnItsWay({ state }: Upload): boolean {
  return state === 'waiting' || state === 'sending';
}

/** Sends a file again that failed. */
export function retryUpload({ source }: Clip): void {
  if (source.kind === 'file' && source.file !== null) queue.retry(idOf(source.file));
}

/** The same file dropped twice has the same id. */
function idOf({ name, size, lastModified }: File): string {
  return [size, lastModified, name].join(' ');
}

/** Soon, once for all changes of a moment. */
function look(): void {
  if (isLooking) return;
  isLooking = true;
  queueMicrotask(() => {
    isLooking = false;
    const wanted = new Map<string, File>();
    for (const file of filesOf(draft.get())) wanted.set(idOf(file), file);
    queue.want(wanted);
    const states = new Map<string, Upload>();
    for (const id of wanted.keys()) states.set(id, queue.stateOf(id) as Upload);
    show(states);
  });
}

function* filesOf({ blocks, tracks }: Draft): Generator<File> {
  for (const { source } of [...blocks.flatMap((block) => block.clips), ...tracks]) {
    if (source.kind === 'file' && source.file !== null) yield source.file;
  }
}

/** A little later, with all that changes meanwhile: each change draws parts of the page again. */
function show(states: ReadonlyMap<string, Upload>): void {
  for (const [id, upload] of states) changed.set(id, upload);
  if (timer !== undefined) return;
  timer = setTimeout(() => {
    timer = undefined;
    changeClips(withUpload);
    changed.clear();
  }, SHOWN_EVERY_MS);
}

function withUpload(clip: Clip): Clip {
  const { source } = clip;
  if (source.kind !== 'file' || source.file === null) return clip;
  const upload = changed.get(idOf(source.file));
  return upload === undefined || upload === source.upload ? clip : { ...clip, source: { ...source, upload } };
}

async function send(file: File, options: SendOptions): Promise<string> {
  const type = mediaTypeOf(file);
  const { signal } = options;
  const asked = { name: file.name.slice(-MOST_NAME), bytes: file.size, type };
  const offer = await ask((client) => client.offerUpload(asked, { signal }));
  try {
    await sendFile(file, { url: offer.upload_url, headers: offer.headers }, options);
  } catch (error) {
    if (ServiceError.is(error) && error.status === null) await checkReadable(file);
    throw error;
  }
  return offer.url;
}

/** A file that was changed or moved away since it was dropped looks like a lost connection. */
async function checkReadable(file: File): Promise<void> {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch (cause) {
    const expected = 'Expected the file as it was when it was dropped, but it was changed or moved since.';
    throw new Error(`${expected} Remove it and drop it again.`, { cause });
  }
}

function isFault({ status }: ServiceError): boolean {
  return status !== null && (status === 408 || status >= 500);
}

function reasonOf(error: unknown): string {
  if (!ServiceError.is(error) || error.mistakes.length === 0) return messageOf(error);
  return error.mistakes.map(({ message }) => message).join(' ');
}
