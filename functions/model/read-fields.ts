/** Reads fields of requests that passed all checks. */

import { CAPTION_FILES, type CaptionChoices, DEFAULT_CAPTION_STYLE } from './captions.ts';
import { givenName } from './clip-name.ts';
import type { ClipObject, NamedBlock } from './fields/sources.ts';
import type { WantedOverlay } from './make-plan.ts';
import { DEFAULT_OVERLAY_POSITION, DEFAULT_OVERLAY_WIDTH } from './overlays.ts';
import type { ClipChoices } from './plan.ts';
import type { ProcessMediaRequest } from './request-schema.ts';
import type { SelectionModes } from './selection.ts';
import { readSourceUrl, type SourceAddress, type SourceRules } from './source-location.ts';

export interface ReadBlock {
  name: string;
  clips: ClipChoices[];
}

/** @param usualVolume of clips or tracks that have none: written out, it makes no difference */
export function readBlocks(
  blocks: ProcessMediaRequest['video_blocks'],
  rules: SourceRules,
  usualVolume: number,
): ReadBlock[] {
  return namedBlocks(blocks).map(({ name, urls }) => ({
    name,
    clips: urls.map((clip) => readClip(clip, rules, usualVolume)),
  }));
}

/** Blocks of either form as a list, in the order written. */
function namedBlocks(blocks: ProcessMediaRequest['video_blocks']): NamedBlock[] {
  return Array.isArray(blocks)
    ? (blocks as NamedBlock[])
    : Object.entries(blocks as Record<string, NamedBlock['urls']>).map(([name, urls]) => ({ name, urls }));
}

function readClip(clip: string | ClipObject, rules: SourceRules, usualVolume: number): ClipChoices {
  if (typeof clip === 'string') return addressOf(clip, rules);
  const { url, name, start_seconds: startSeconds = 0, end_seconds: endSeconds, volume } = clip;
  const isTrimmed = startSeconds > 0 || endSeconds !== undefined;
  return {
    ...addressOf(url, rules),
    ...(name !== undefined && { name: givenName(name) }),
    ...(isTrimmed && { trim: { startSeconds, ...(endSeconds !== undefined && { endSeconds }) } }),
    ...(volume !== undefined && volume !== usualVolume && { volume }),
  };
}

function addressOf(url: string, rules: SourceRules): SourceAddress {
  const read = readSourceUrl(url, rules);
  if ('got' in read) throw new Error(`Expected URLs that were checked, got ${read.got}`);
  return read;
}

/** Undefined for the usual ones. */
export function readSelection({
  tracks = 'random',
  lines = 'random',
}: Partial<SelectionModes> = {}): SelectionModes | undefined {
  return tracks === 'random' && lines === 'random' ? undefined : { tracks, lines };
}

/** Undefined if there are to be no captions. */
export function readCaptions(captions: ProcessMediaRequest['captions']): CaptionChoices | undefined {
  if (captions === undefined || captions.mode === 'none') return undefined;
  const { mode, files, font, size, colour, highlight, position } = captions;
  const { words_per_line: wordsPerLine, upper_case: upperCase } = captions;
  const usual = DEFAULT_CAPTION_STYLE;
  return {
    inside: mode === 'srt' ? null : mode,
    // In one order, as that of the request makes no difference.
    files: CAPTION_FILES.filter((file) => (files ?? (mode === 'srt' ? ['srt'] : [])).includes(file)),
    style: {
      font: font ?? usual.font,
      size: size ?? usual.size,
      colour: colour?.toLowerCase() ?? usual.colour,
      highlight: highlight === undefined ? usual.highlight : (highlight?.toLowerCase() ?? null),
      position: position ?? usual.position,
      wordsPerLine: wordsPerLine ?? usual.wordsPerLine,
      upperCase: upperCase ?? usual.upperCase,
    },
  };
}

export function readOverlays(
  overlays: NonNullable<ProcessMediaRequest['overlays']>,
  rules: SourceRules,
): WantedOverlay[] {
  return overlays.map(({ image, position, width, opacity, from, to, blocks }) => ({
    image: addressOf(image, rules),
    position: position ?? DEFAULT_OVERLAY_POSITION,
    width: width ?? DEFAULT_OVERLAY_WIDTH,
    opacity: opacity ?? 1,
    from: from ?? 0,
    to: to ?? null,
    blocks: blocks ?? null,
  }));
}
