import { Ajv } from 'ajv';
import type { FromSchema } from 'json-schema-to-ts';
import { type Mistake, RequestError } from '../base/errors.ts';
import { mistakesOf, shown } from './mistakes.ts';
import type { Line, PlanInput } from './plan.ts';
import { type NamedBlock, requestSchema } from './request-schema.ts';
import { type Limits, semanticMistakes } from './semantic-checks.ts';
import { maskUrl } from './web-url.ts';

export type { Limits } from './semantic-checks.ts';

export type ProcessMediaRequest = FromSchema<typeof requestSchema, { parseIfThenElseKeywords: true }>;

/** A request that can be carried out, with the choices the caller left open still open. */
export interface ValidRequest extends Omit<PlanInput, 'seed'> {
  taskName: string;
  seed: number | undefined;
  metadata: unknown;
  dryRun: boolean;
  warnings: string[];
}

const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, strictTypes: false });
ajv.addVocabulary(['expected', 'hint']);
const validate = ajv.compile<ProcessMediaRequest>(requestSchema);

/**
 * Checks the parsed body of POST /process_media.
 * Throws RequestError 'invalid_request' naming every mistake, each once.
 */
export function readRequest(body: unknown, limits: Limits): ValidRequest {
  if (!validate(body)) {
    // A value of the wrong shape hides nothing else: what ajv accepts beside it is still checked below.
    throw invalid([...mistakesOf(validate.errors ?? []), ...semanticMistakes(body, limits)]);
  }
  const request = body;
  const mistakes = semanticMistakes(request, limits);
  if (mistakes.length > 0) throw invalid(mistakes);
  const blocks = namedBlocks(request.video_blocks);
  const audio = request.audio_blocks === undefined ? [] : namedBlocks(request.audio_blocks);

  const lines: Line[] = request.text_to_speech ?? request.text_to_speach ?? [];
  const tracks = audio.flatMap((block) => block.urls);
  const originalVolume = request.audio?.original_volume ?? 0;
  const {
    width,
    height,
    fps,
    fit = 'contain',
    background,
    still_seconds: stillSeconds,
  } = request.output ?? {};
  const voiceOffsetSeconds = request.audio?.voice_offset_seconds;
  return {
    taskName: request.task_name,
    blocks,
    tracks,
    lines,
    output: {
      ...(width === undefined ? {} : { width }),
      ...(height === undefined ? {} : { height }),
      ...(fps === undefined ? {} : { fps }),
      fit,
      ...(background === undefined ? {} : { background: background.toLowerCase() }),
      ...(stillSeconds === undefined ? {} : { stillSeconds }),
    },
    sound: {
      originalVolume,
      duck: request.audio?.duck ?? true,
      ...(voiceOffsetSeconds === undefined ? {} : { voiceOffsetSeconds }),
    },
    seed: request.seed,
    metadata: request.metadata ?? null,
    dryRun: request.dry_run ?? false,
    warnings: [
      ...repeatWarnings('/video_blocks', blocks),
      ...repeatWarnings('/audio_blocks', audio),
      ...(tracks.length + lines.length === 0 && originalVolume === 0
        ? ['No music, no voice and no original sound were asked for: the videos get a silent track.']
        : []),
    ],
  };
}

function invalid(mistakes: Mistake[]): RequestError {
  const once = [...new Map(mistakes.map((mistake) => [mistake.pointer, mistake])).values()];
  const count = once.length === 1 ? 'one mistake' : `${once.length} mistakes`;
  return new RequestError('invalid_request', `The request has ${count}; nothing was started.`, {
    mistakes: once,
  });
}

function repeatWarnings(at: string, blocks: readonly NamedBlock[]): string[] {
  return blocks.flatMap(({ name, urls }) => {
    const repeated = new Set(urls.filter((url, number) => urls.indexOf(url) < number));
    return [...repeated].map(
      (url) => `${at}: block ${shown(name)} has ${maskUrl(url)} more than once; each mention counts.`,
    );
  });
}

/** Both forms as the list form, in the order written. */
function namedBlocks(blocks: ProcessMediaRequest['video_blocks']): NamedBlock[] {
  return Array.isArray(blocks)
    ? (blocks as NamedBlock[])
    : Object.entries(blocks as Record<string, string[]>).map(([name, urls]) => ({ name, urls }));
}
