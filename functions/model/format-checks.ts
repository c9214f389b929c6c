/** Mistakes in `output` that the schema cannot express: its size, its formats, and colours that would never be seen. */
import type { Mistake } from '../base/errors.ts';
import { isObject } from './block-entries.ts';
import { isKnownFormat, KNOWN_FORMAT_NAMES } from './formats.ts';
import { shown } from './mistakes.ts';

type Fields = Record<string, unknown>;

/** Accepts a value of any shape, so that one answer names all mistakes. */
export function outputMistakes(output: unknown): Mistake[] {
  if (!isObject(output)) return [];
  const formats = Array.isArray(output['formats']) ? output['formats'] : undefined;
  if (formats === undefined) {
    return [
      ...halfSize(output, '/output', "Give both, or neither for the first clip's size."),
      ...tooLarge(output, output['fps'], '/output'),
      ...barsWithoutContain(output, output['fit'], '/output'),
    ];
  }
  return [
    ...sizeBesideFormats(output),
    ...formats.flatMap((format, at) => (isObject(format) ? ofFormat(format, output, at) : [])),
    ...unseenFit(output, formats),
    ...unseenDefault(output, formats),
  ];
}

function ofFormat(format: Fields, output: Fields, at: number): Mistake[] {
  const pointer = `/output/formats/${at}`;
  const name = format['name'];
  const isKnown = typeof name === 'string' && isKnownFormat(name);
  const hasNone = format['width'] === undefined && format['height'] === undefined;
  const size =
    hasNone && !isKnown && typeof name === 'string'
      ? [
          {
            pointer: `${pointer}/width`,
            code: 'missing' as const,
            message:
              `Expected width and height of the format ${shown(name)}, got none. Give both, or name one of ` +
              `${KNOWN_FORMAT_NAMES.join(', ')}.`,
          },
        ]
      : halfSize(format, pointer, `Give both${isKnown ? `, or neither for the usual ${name}` : ''}.`);
  const large = tooLarge(format, output['fps'], pointer);
  return [...size, ...large, ...barsWithoutContain(format, fitOf(format, output), pointer)];
}

function halfSize(fields: Fields, pointer: string, next: string): Mistake[] {
  if ((fields['width'] === undefined) === (fields['height'] === undefined)) return [];
  const missing = fields['width'] === undefined ? 'width' : 'height';
  const message = `Expected width and height together, got no ${missing}. ${next}`;
  return [{ pointer: `${pointer}/${missing}`, code: 'missing', message }];
}

/** Of H.264 level 5.2, above which few players go: macroblocks of 16x16 pixels in a picture, and in a second. */
const MOST_BLOCKS = 36_864;
const MOST_BLOCKS_PER_SECOND = 2_073_600;

/** The videos would be made smaller. */
function tooLarge({ width, height }: Fields, fps: unknown, pointer: string): Mistake[] {
  if (typeof width !== 'number' || typeof height !== 'number') return [];
  const blocks = Math.ceil(width / 16) * Math.ceil(height / 16);
  const isFast = typeof fps === 'number' && blocks * fps > MOST_BLOCKS_PER_SECOND;
  if (blocks <= MOST_BLOCKS && !isFast) return [];
  const most = isFast ? Math.min(MOST_BLOCKS, Math.floor(MOST_BLOCKS_PER_SECOND / fps)) : MOST_BLOCKS;
  const message =
    `Expected at most ${((most * 256) / 1e6).toFixed(1)} million pixels${isFast ? ` at ${fps} frames a second` : ''}, as ` +
    `H.264 level 5.2 has, got ${width}x${height}. Choose a smaller size, such as 2160x3840.`;
  return [{ pointer: `${pointer}/width`, code: 'invalid', message }];
}

/** A colour that would never be seen: the caller expects something else. */
function barsWithoutContain(fields: Fields, fit: unknown, at: string): Mistake[] {
  if (fields['background'] === undefined || !leavesNoBars(fit)) return [];
  const message = `Expected a background with fit contain only, got one with ${fit}, which leaves no bars. Leave one of them out.`;
  return [{ pointer: `${at}/background`, code: 'conflict', message }];
}

/** The fit for all formats that have none, if there are none of these. */
function unseenFit(output: Fields, formats: readonly unknown[]): Mistake[] {
  const isUsed = formats.some((format) => !isObject(format) || format['fit'] === undefined);
  if (output['fit'] === undefined || isUsed) return [];
  const message =
    'Expected a fit for a format without one, got a fit in each of them. Leave one of them out.';
  return [{ pointer: '/output/fit', code: 'conflict', message }];
}

/** The colour for all formats that have none, if all of these leave no bars. */
function unseenDefault(output: Fields, formats: readonly unknown[]): Mistake[] {
  const isSeen = formats.some((format) => {
    const own = isObject(format) ? format : {};
    return own['background'] === undefined && !leavesNoBars(fitOf(own, output));
  });
  if (output['background'] === undefined || isSeen) return [];
  const message =
    'Expected a background for a format with fit contain, got none that has this fit and no background of its own. ' +
    'Leave it out.';
  return [{ pointer: '/output/background', code: 'conflict', message }];
}

function sizeBesideFormats(output: Fields): Mistake[] {
  return ['width', 'height'].flatMap((side) => {
    if (output[side] === undefined) return [];
    const message = `Expected either ${side} or formats, got both. Leave out ${side}: each format has its own.`;
    return [{ pointer: `/output/${side}`, code: 'conflict' as const, message }];
  });
}

function fitOf(format: Fields, output: Fields): unknown {
  return format['fit'] ?? output['fit'];
}

function leavesNoBars(fit: unknown): boolean {
  return fit === 'cover' || fit === 'blur';
}
