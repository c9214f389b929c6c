import type { Format } from './formats.ts';
import type { PlanInput } from './make-plan.ts';
import { mistakesOf, shown } from './mistakes.ts';
import {
  type ClipChoices,
  DEFAULT_FADE_IN_SECONDS,
  DEFAULT_FADE_OUT_SECONDS,
  DEFAULT_LOUDNESS,
  type WantedOutput,
} from './plan.ts';
import { type ReadBlock, readBlocks, readCaptions, readOverlays, readSelection } from './read-fields.ts';
import { readFileName, readFormats, readOutput } from './read-output.ts';
import { type ProcessMediaRequest, requestSchema } from './request-schema.ts';
import { sizeMistake } from './request-size.ts';
import { ruleWarnings } from './rules.ts';
import { type Limits, semanticMistakes } from './semantic-checks.ts';
import type { SourceAddress } from './source-location.ts';
import { targetWarnings } from './target-texts.ts';
import { TARGETS } from './targets.ts';
import { invalidRequest, validatorOf } from './validation.ts';

export type { Limits } from './semantic-checks.ts';

/** A valid request. Choices that the caller left open are still open, for example the seed. */
export interface ValidRequest extends Omit<PlanInput, 'seed'> {
  taskName: string;
  blocks: ReadBlock[];
  seed: number | undefined;
  metadata: unknown;
  callbackUrl?: string;
  dryRun: boolean;
  warnings: string[];
}

/** Most warnings that an answer lists. */
const MAX_WARNINGS = 20;

const validator = validatorOf<ProcessMediaRequest>(requestSchema);

/**
 * Checks the parsed body of POST /process_media.
 * Throws RequestError 'invalid_request' naming every mistake, each once.
 */
export function readRequest(body: unknown, limits: Limits): ValidRequest {
  const size = sizeMistake(body);
  if (size !== undefined) throw invalidRequest([size]);
  const validate = validator();
  if (!validate(body)) {
    // One value of the wrong shape does not hide other mistakes: the rest of the body is still checked.
    throw invalidRequest([...mistakesOf(validate.errors ?? []), ...semanticMistakes(body, limits)]);
  }
  const request = body;
  const mistakes = semanticMistakes(request, limits);
  if (mistakes.length > 0) throw invalidRequest(mistakes);
  const originalVolume = request.audio?.original_volume ?? 0;
  const blocks = readBlocks(request.video_blocks, limits.sources, originalVolume);
  const audio = request.audio_blocks === undefined ? [] : readBlocks(request.audio_blocks, limits.sources, 1);

  const lines = request.text_to_speech ?? request.text_to_speach ?? [];
  const tracks = audio.flatMap((block) => block.clips);
  const isHeard = (clip: ClipChoices, usual: number) => (clip.volume ?? usual) > 0;
  const isSilent =
    lines.length === 0 &&
    !tracks.some((track) => isHeard(track, 1)) &&
    !blocks.some(({ clips }) => clips.some((clip) => isHeard(clip, originalVolume)));
  // In one order, as that of the request makes no difference.
  const targets = TARGETS.filter((target) => request.targets?.includes(target));
  const output = readOutput(request.output);
  const formats = readFormats(request.output);
  const fileName = readFileName(request.output);
  const { limit, include, exclude } = request;
  const captions = readCaptions(request.captions);
  const selection = readSelection(request.selection);
  const { fps } = output;
  return {
    taskName: request.task_name,
    blocks,
    tracks,
    lines,
    output,
    sound: {
      originalVolume,
      duck: request.audio?.duck ?? true,
      voiceOffsetSeconds: request.audio?.voice_offset_seconds ?? 0,
      loudness: request.audio?.loudness === undefined ? DEFAULT_LOUDNESS : request.audio.loudness,
      musicDb: request.audio?.music_db ?? 0,
      musicFadeInSeconds: request.audio?.music_fade_in_seconds ?? DEFAULT_FADE_IN_SECONDS,
      musicFadeOutSeconds: request.audio?.music_fade_out_seconds ?? DEFAULT_FADE_OUT_SECONDS,
    },
    // Left out where the request has none, so that the fingerprints of other requests stay as they were.
    ...(targets.length > 0 && { targets }),
    ...(formats && { formats }),
    ...((limit ?? include ?? exclude) && {
      rules: { ...(limit && { limit }), ...(include && { include }), ...(exclude && { exclude }) },
    }),
    ...(selection && { selection }),
    ...(captions && { captions }),
    ...(request.cover && { cover: { atSeconds: request.cover.at_seconds ?? null } }),
    ...(request.overlays && { overlays: readOverlays(request.overlays, limits.sources) }),
    ...(fileName !== undefined && { fileName }),
    ...(request.callback_url !== undefined && { callbackUrl: request.callback_url }),
    seed: request.seed,
    metadata: request.metadata ?? null,
    dryRun: request.dry_run ?? false,
    warnings: [
      ...atMost(MAX_WARNINGS, [
        ...repeatWarnings('/video_blocks', blocks),
        ...repeatWarnings('/audio_blocks', audio),
        ...ruleWarnings({ ...(include && { include }), ...(exclude && { exclude }) }, blocks),
      ]),
      ...(isSilent
        ? ['No music, no voice and no original sound were asked for: the videos get a silent track.']
        : []),
      ...atMost(
        MAX_WARNINGS,
        sizesOf(output, formats).flatMap(({ name, ...size }) =>
          targetWarnings(
            targets,
            {
              ...size,
              ...(fps === undefined ? {} : { fps }),
              editLists: output.editLists ? 1 : 0,
              isSilent,
            },
            name,
          ),
        ),
      ),
    ],
  };
}

/** Of the videos, as far as the request says, with the names of formats. */
function sizesOf(
  { width, height }: WantedOutput,
  formats: readonly Format[] | undefined,
): { name?: string; width?: number; height?: number }[] {
  if (formats !== undefined) return formats.map(({ name, width, height }) => ({ name, width, height }));
  return [{ ...(width !== undefined && { width }), ...(height !== undefined && { height }) }];
}

function repeatWarnings(at: string, blocks: readonly ReadBlock[]): string[] {
  return blocks.flatMap(({ name, clips }) => {
    const known = new Set<string>();
    const repeated = new Map<string, SourceAddress>();
    for (const clip of clips) {
      const { url, trim, volume } = clip;
      const key = JSON.stringify([url, trim, volume]);
      if (known.has(key)) repeated.set(url, clip);
      known.add(key);
    }
    return [...repeated.values()].map(
      ({ masked }) => `${at}: block ${shown(name)} has ${masked} more than once; each mention counts.`,
    );
  });
}

/** They are repeated in every answer about the task. */
function atMost(most: number, warnings: readonly string[]): string[] {
  if (warnings.length <= most) return [...warnings];
  return [...warnings.slice(0, most), `and ${warnings.length - most} more warnings`];
}
