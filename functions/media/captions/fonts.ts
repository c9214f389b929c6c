/** The fonts for burned captions, and what is in them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from 'fontkitten';
import { CAPTION_FONTS } from '../../model/captions.ts';

/** Has nothing else in it, as libass tries to read every file. */
export const FONTS_DIR = join(import.meta.dirname, 'fonts');
/** Part of the keys of captioned clips: raised with every change of a font. */
export const FONTS_VERSION = '1';

export type FontName = (typeof CAPTION_FONTS)[number] | 'Noto Emoji';

export interface CaptionFont {
  name: FontName;
  file: string;
  /** Full name in the file, by which libass finds it. */
  face: string;
}

const FACES: Readonly<Record<FontName, Omit<CaptionFont, 'name'>>> = {
  Montserrat: { file: 'Montserrat-ExtraBold.ttf', face: 'Montserrat ExtraBold' },
  'Noto Sans': { file: 'NotoSans-Bold.ttf', face: 'Noto Sans Bold' },
  'Noto Sans Arabic': { file: 'NotoSansArabic-Bold.ttf', face: 'Noto Sans Arabic Bold' },
  'Noto Sans Hebrew': { file: 'NotoSansHebrew-Bold.ttf', face: 'Noto Sans Hebrew Bold' },
  'Noto Sans Devanagari': { file: 'NotoSansDevanagari-Bold.ttf', face: 'Noto Sans Devanagari Bold' },
  'Noto Sans Thai': { file: 'NotoSansThai-Bold.ttf', face: 'Noto Sans Thai Bold' },
  // These are bold, whatever their names say.
  'Noto Sans SC': { file: 'NotoSansSC-Bold.ttf', face: 'Noto Sans SC Thin Bold' },
  'Noto Sans TC': { file: 'NotoSansTC-Bold.ttf', face: 'Noto Sans TC Thin Bold' },
  'Noto Sans JP': { file: 'NotoSansJP-Bold.ttf', face: 'Noto Sans JP Thin Bold' },
  'Noto Sans KR': { file: 'NotoSansKR-Bold.ttf', face: 'Noto Sans KR Thin Bold' },
  // For pictures alone, so nobody chooses it.
  'Noto Emoji': { file: 'NotoEmoji-Bold.ttf', face: 'Noto Emoji Bold' },
};

/** In this order they are looked through for what the chosen one lacks; see fontsFor. */
export const FONTS: readonly CaptionFont[] = ([...CAPTION_FONTS, 'Noto Emoji'] as const).map((name) => ({
  name,
  ...FACES[name],
}));

/** What measuring and choosing need of a font. Lengths are shares of the em, the size of a font. */
export interface FontMetrics {
  has(codePoint: number): boolean;
  /** How far the next character is, before letters are joined or moved together. */
  advance(codePoint: number): number;
  /** Height of a line, which libass takes for the size of a font, as Windows does. */
  lineHeight: number;
}

/** Reads the file at the first call. */
export function metricsOf(font: CaptionFont): FontMetrics {
  let metrics = read.get(font.file);
  if (metrics === undefined) {
    metrics = readMetrics(join(FONTS_DIR, font.file));
    read.set(font.file, metrics);
  }
  return metrics;
}

const read = new Map<string, FontMetrics>();

function readMetrics(file: string): FontMetrics {
  const font = create(readFileSync(file));
  if (font.isCollection) throw new Error(`Expected one font in ${file}, got a collection of fonts.`);
  const { winAscent, winDescent } = font['OS/2'];
  return {
    has: (codePoint) => font.hasGlyphForCodePoint(codePoint),
    advance: (codePoint) => font.glyphForCodePoint(codePoint).advanceWidth / font.unitsPerEm,
    lineHeight: (winAscent + winDescent) / font.unitsPerEm,
  };
}
