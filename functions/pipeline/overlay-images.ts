/**
 * The pictures of overlays. Each has a message of its own, which finds out early that one is dead, and says so once. A clip
 * does not wait for that message: it opens the pictures, and makes those that are missing.
 */
import { canonicalJson } from '../base/canonical-json.ts';
import { PermanentError } from '../base/errors.ts';
import { step } from '../base/telemetry/spans.ts';
import { makeKey } from '../coordination/lease-keys.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import type { BurnedOverlay } from '../media/burn-graph.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { type ImageSize, makeOverlayImage } from '../media/overlay-image.ts';
import { overlaysOf, type Source, titleOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { PinStore } from '../ports/pins.ts';
import { artifactKey } from './artifact-key.ts';
import { type Artifacts, disposeOf } from './artifacts.ts';
import type { Fetching } from './fetch-source.ts';
import { fetchedSource, madeFrom, type PreparedMeta } from './source-artifact.ts';

export interface ImagesDeps {
  pins: Pick<PinStore, 'read'>;
  fetching: Fetching;
  artifacts: Artifacts;
  ffmpeg: Ffmpeg;
  /** Limits decoding, and serves tasks in turn. */
  decoding: (taskId: string) => Semaphore;
}

export type ImageMeta = PreparedMeta & ImageSize;

export interface OpenedOverlays extends Disposable {
  /** Their files stay until this is disposed of. */
  overlays: BurnedOverlay[];
}

/** Name of the file within the artifact. */
const PICTURE = 'picture.png';
/** Increase it with every change to what makeOverlayImage makes. */
const IMAGE_RECIPE = '1';

/** A clip failed because of a picture over it, which has an error of its own. */
export class ImageFailed extends PermanentError {
  constructor(image: Source, { code, stage, message, cause }: PermanentError) {
    super(code, stage, `The ${titleOf(image)} of an overlay: ${message}`, { cause });
  }
}

/** The artifact of a picture, made first if it is missing. Throws PermanentError or TransientError. */
export async function preparedImage(
  deps: ImagesDeps,
  task: Task,
  number: number,
  signal: AbortSignal,
): Promise<Artifact<ImageMeta>> {
  const { ffmpeg } = deps;
  const image = await fetchedSource(deps.fetching, task, number, signal);
  const { content, probe } = image.fetched;
  const key = artifactKey('image', [content, canonicalJson(probe), IMAGE_RECIPE, await ffmpeg.version()]);
  return madeFrom<ImageMeta>(
    deps,
    image,
    key,
    async (file, dir, held) => ({
      ...(await step('conform', 'image', () =>
        makeOverlayImage(ffmpeg, { file, probe, dir, name: PICTURE, signal: held }),
      )),
      ...{ frames: 0, samples: 0, seconds: 0, loudness: null, warnings: [] },
    }),
    {
      signal,
      semaphore: deps.decoding(task.id),
      // Of the picture, whichever message makes it.
      countedAs: { key: makeKey(task.id, number), stage: 'conform' },
    },
  );
}

/** One that cannot be used is not tried again for each clip: that takes seconds, and may be meant to. */
async function refuseFailed({ pins }: ImagesDeps, { id, plan }: Task, image: number): Promise<void> {
  const [pin] = await pins.read(id, [`prepared-${image}`]);
  // A message that was given up says nothing of the picture.
  if (pin?.error === undefined || pin.error.code === 'undeliverable') return;
  const { code, stage, message } = pin.error;
  throw new ImageFailed(plan.sources[image] as Source, new PermanentError(code, stage, message));
}

/** What is laid over a clip. Throws ImageFailed or TransientError. */
export async function openedOverlays(
  deps: ImagesDeps,
  task: Task,
  clip: number,
  signal: AbortSignal,
): Promise<OpenedOverlays> {
  const wanted = overlaysOf(task.plan, clip);
  const opened = new Map<number, Artifact<ImageMeta>>();
  try {
    for (const { image } of wanted) {
      if (opened.has(image)) continue;
      await refuseFailed(deps, task, image);
      opened.set(
        image,
        await preparedImage(deps, task, image, signal).catch((error: unknown) => {
          if (!PermanentError.is(error)) throw error;
          throw new ImageFailed(task.plan.sources[image] as Source, error);
        }),
      );
    }
  } catch (error) {
    disposeOf(opened.values());
    throw error;
  }
  return {
    overlays: wanted.map(({ image, ...shown }) => {
      const { key, meta, path } = opened.get(image) as Artifact<ImageMeta>;
      return { ...shown, picture: { file: path(PICTURE), key, width: meta.width, height: meta.height } };
    }),
    [Symbol.dispose]: () => disposeOf(opened.values()),
  };
}
