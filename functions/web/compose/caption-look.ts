/**
 * Where captions stand in a picture, and how large they are there: as the service draws them (media/captions), in pixels of the
 * video. Pure.
 */
import type { CaptionChoices } from './draft.ts';

export interface Frame {
  width: number;
  height: number;
}

export interface CaptionLook {
  /** Size of the letters. */
  em: number;
  outline: number;
  shadow: number;
  outlineColour: '#ffffff' | '#000000';
  /** Height of a row, as a share of the size of the letters. */
  lineHeight: number;
  box: { left: number; top: number; right: number; bottom: number };
}

/** Letters of the same height need other sizes; rows of fonts differ in height, as shares of the size of Latin letters. */
const FONTS: Readonly<Record<string, { lineHeight: number; scale: number }>> = {
  Montserrat: { lineHeight: 1.562, scale: 1 },
  'Noto Sans': { lineHeight: 1.519, scale: 1 },
  'Noto Sans Arabic': { lineHeight: 2.711, scale: 1.25 },
  'Noto Sans Hebrew': { lineHeight: 1.496, scale: 1.1 },
  'Noto Sans Devanagari': { lineHeight: 2.192, scale: 1.15 },
  'Noto Sans Thai': { lineHeight: 1.738, scale: 1.15 },
};
const EASTERN = { lineHeight: 1.448, scale: 1 };
const EM = 0.64;
const OUTLINE = 0.13;
const SHADOW = 0.05;
/** Of the sides, where no app covers anything. */
const MARGIN = 0.08;
/** What apps leave free of a picture that they show over the whole screen. */
const FULL_SCREEN = 1.5;
const FREE = { left: 120 / 1080, top: 288 / 1920, right: 888 / 1080, bottom: 1248 / 1920 };
const DARK = 77;

export function captionLook({ width, height }: Frame, style: CaptionChoices): CaptionLook {
  const em = (EM * Math.min(width, height) * style.size) / 100;
  const [outline, shadow] = [OUTLINE * em, SHADOW * em];
  const edge = outline + shadow;
  const isFull = height / width >= FULL_SCREEN;
  const side = Math.max(MARGIN, ...(isFull ? [FREE.left, 1 - FREE.right] : [])) * width + edge;
  const { lineHeight, scale } = fontOf(style.font);
  return {
    em: em * scale,
    outline,
    shadow,
    outlineColour: isDark(style.colour) ? '#ffffff' : '#000000',
    lineHeight: lineHeight / scale,
    box: {
      left: side,
      right: width - side,
      top: Math.max(MARGIN, isFull ? FREE.top : 0) * height + edge,
      bottom: Math.min(1 - MARGIN, isFull ? FREE.bottom : 1) * height - edge,
    },
  };
}

function fontOf(name: string): { lineHeight: number; scale: number } {
  return FONTS[name] ?? EASTERN;
}

/** Too dark for a black outline. */
function isDark(rgb: string): boolean {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(rgb.slice(at, at + 2), 16));
  return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0) < DARK;
}
