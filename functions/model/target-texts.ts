/** Texts about the checks of a video for platforms. They are made when they are shown, so that reports stay small. */
import type { TargetView } from './answers/targets.ts';
import { checkTargets, type Found, resultOf, type TargetReport, type VideoFacts } from './target-checks.ts';
import { type CheckId, type Rule, TARGET_LIMITS } from './target-limits.ts';
import { TARGETS, type Target } from './targets.ts';

/** Targets and checks that this version does not have are left out, and do not count for the result. */
export function targetViews(reports: readonly TargetReport[] | undefined): TargetView[] {
  return (reports ?? []).filter(({ target }) => TARGETS.includes(target)).map(viewOf);
}

function viewOf({ target, passed, others }: TargetReport): TargetView {
  const rules = new Map(TARGET_LIMITS[target].rules.map((rule) => [rule.id, rule]));
  const known = others.filter(([id]) => rules.has(id));
  return {
    target,
    result: resultOf({ others: known }),
    passed: passed.filter((id) => rules.has(id)),
    checks: known.map(([id, result, found]) => {
      const rule = rules.get(id) as Rule;
      return { id, result, expected: expectedBy(rule), found: textOf(id, found), hint: hintFor(rule, found) };
    }),
  };
}

/** In one line: "reels: pass; tiktok: missed (length, sound)". */
export function targetLine(views: readonly TargetView[]): string {
  return views
    .map(({ target, result, checks }) => {
      const ids = checks.filter((check) => check.result === result).map(({ id }) => id);
      return `${target}: ${result}${ids.length === 0 ? '' : ` (${ids.join(', ')})`}`;
    })
    .join('; ');
}

/** One warning per written limit that a video with these facts is known to miss. @param format its name, if there are several */
export function targetWarnings(
  targets: readonly Target[],
  facts: Partial<VideoFacts>,
  format?: string,
): string[] {
  const which = format === undefined ? '' : ` in the format ${format}`;
  return targetViews(checkTargets(targets, facts)).flatMap(({ target, checks }) =>
    checks
      .filter(({ result }) => result === 'missed')
      .map(
        ({ id, expected, found, hint }) =>
          `Target ${target} will miss ${id}${which}: expected ${expected}, got ${found}. ${hint}`,
      ),
  );
}

/** "3 to 900 s", "at most 300 MB", "H.264 or HEVC". */
export function expectedBy({ id, least, most, oneOf, sizes, shapes }: Rule): string {
  if (oneOf !== undefined) return either(oneOf.map((value) => textOf(id, value)));
  if (sizes !== undefined) return `at least ${either(sizes.map((size) => size.join('x')))}`;
  if (shapes !== undefined) return either(shapes.map((shape) => shape.join(':')));
  if (least === undefined) return `at most ${textOf(id, most as number)}`;
  if (most === undefined) return `at least ${textOf(id, least)}`;
  const { by = 1 } = UNITS[id] ?? {};
  return `${rounded(least / by)} to ${textOf(id, most)}`;
}

function either(values: readonly string[]): string {
  return values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

const GIGA = 1_000_000_000;
const KILOBITS = { unit: ' kbit/s', by: 1_000 };
const UNITS: Partial<Record<CheckId, { unit: string; by?: number }>> = {
  columns: { unit: ' pixels' },
  aspect_ratio: { unit: ' (width / height)' },
  fps: { unit: ' frames per second' },
  bitrate: KILOBITS,
  bitrate_advice: KILOBITS,
  bitrate_peak: KILOBITS,
  gop: { unit: ' s' },
  length: { unit: ' s' },
  length_advice: { unit: ' s' },
  file_size: { unit: ' MB', by: 1_000_000 },
  sample_rate: { unit: ' Hz' },
  audio_bitrate: KILOBITS,
  loudness: { unit: ' LUFS' },
  true_peak: { unit: ' dBTP' },
};

function textOf(id: CheckId, found: Found): string {
  if (typeof found === 'string') return found;
  if (id === 'file_size' && found >= GIGA) return `${rounded(found / GIGA)} GB`;
  const { unit = '', by = 1 } = UNITS[id] ?? {};
  return `${rounded(found / by)}${unit}`;
}

function rounded(value: number): number {
  return Number(value.toFixed(6));
}

const REENCODE = 'Set output.reencode to true.';
const BY_THEMSELVES = 'No action needed: the platform encodes it again.';
const SMALLER = 'Set output.reencode to true, or choose a smaller output.';
const SIZE = 'Set output.width and output.height, for example to 1080 and 1920.';
/** Too small and too large, or the same for both. */
const HINTS: Record<CheckId, string | readonly [string, string]> = {
  edit_lists: 'Leave out output.edit_lists.',
  index_first: 'Copy the file with ffmpeg -c copy -movflags +faststart.',
  codec: REENCODE,
  profile: REENCODE,
  chroma: REENCODE,
  progressive: REENCODE,
  pixel_aspect: REENCODE,
  columns: SIZE,
  size: SIZE,
  aspect_ratio: SIZE,
  shape: SIZE,
  fps: 'Set output.fps, for example to 30.',
  bitrate: ['Choose a larger output, or clips with more detail.', SMALLER],
  bitrate_advice: 'Choose a larger output, or clips with more detail.',
  bitrate_peak: SMALLER,
  gop: BY_THEMSELVES,
  length: ['Send longer clips, or more blocks.', 'Send shorter clips, or fewer blocks.'],
  length_advice: ['Send longer clips, or more blocks.', 'Send shorter clips, or fewer blocks.'],
  file_size: 'Send shorter clips, or choose a smaller output.',
  sound: 'Add audio_blocks or text_to_speech, or set audio.original_volume.',
  audio_codec: BY_THEMSELVES,
  sample_rate: BY_THEMSELVES,
  channels: BY_THEMSELVES,
  audio_bitrate: BY_THEMSELVES,
  loudness: 'Leave out audio.loudness, or set it to -14.',
  true_peak: 'Lower audio.loudness or audio.original_volume.',
};

function hintFor({ id, least }: Rule, found: Found): string {
  const { [id]: hint } = HINTS;
  if (typeof hint === 'string') return hint;
  return hint[least !== undefined && Number(found) < least ? 0 : 1];
}
