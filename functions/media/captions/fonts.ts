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
  /** By how much its letters are larger, so that they look as large as capitals of Latin; 1 if absent. */
  scale?: number;
}

const FACES: Readonly<Record<FontName, Omit<CaptionFont, 'name'>>> = {
  Montserrat: { file: 'Montserrat-ExtraBold.ttf', face: 'Montserrat ExtraBold' },
  'Noto Sans': { file: 'NotoSans-Bold.ttf', face: 'Noto Sans Bold' },
  'Noto Sans Arabic': { file: 'NotoSansArabic-Bold.ttf', face: 'Noto Sans Arabic Bold', scale: 1.25 },
  'Noto Sans Hebrew': { file: 'NotoSansHebrew-Bold.ttf', face: 'Noto Sans Hebrew Bold', scale: 1.1 },
  'Noto Sans Devanagari': {
    file: 'NotoSansDevanagari-Bold.ttf',
    face: 'Noto Sans Devanagari Bold',
    scale: 1.15,
  },
  'Noto Sans Thai': { file: 'NotoSansThai-Bold.ttf', face: 'Noto Sans Thai Bold', scale: 1.15 },
  // These are bold, whatever their names say.
  'Noto Sans SC': { file: 'NotoSansSC-Bold.ttf', face: 'Noto Sans SC Thin Bold' },
  'Noto Sans TC': { file: 'NotoSansTC-Bold.ttf', face: 'Noto Sans TC Thin Bold' },
  'Noto Sans JP': { file: 'NotoSansJP-Bold.ttf', face: 'Noto Sans JP Thin Bold' },
  'Noto Sans KR': { file: 'NotoSansKR-Bold.ttf', face: 'Noto Sans KR Thin Bold' },
  // For pictures alone, so nobody chooses it.
  'Noto Emoji': { file: 'NotoEmoji-Bold.ttf', face: 'Noto Emoji Bold' },
};

export const FONTS: readonly CaptionFont[] = ([...CAPTION_FONTS, 'Noto Emoji'] as const).map((name) => ({
  name,
  ...FACES[name],
}));

/** What measuring and choosing need of a font. Lengths are shares of the em of the letters of the default font. */
export interface FontMetrics {
  has(codePoint: number): boolean;
  /** How far the next character is, before letters are joined or moved together; 0 for what it does not have. */
  advance(codePoint: number): number;
  /** Height of a line, which libass takes for the size of a font, as Windows does. */
  lineHeight: number;
}

/** Reads the file at the first call. */
export function metricsOf(font: CaptionFont): FontMetrics {
  let metrics = read.get(font.file);
  if (metrics === undefined) {
    metrics = readMetrics(font);
    read.set(font.file, metrics);
  }
  return metrics;
}

const read = new Map<string, FontMetrics>();

function readMetrics({ file, scale = 1 }: CaptionFont): FontMetrics {
  const font = create(readFileSync(join(FONTS_DIR, file)));
  if (font.isCollection) throw new Error(`Expected one font in ${file}, got a collection of fonts.`);
  const { winAscent, winDescent } = font['OS/2'];
  const unit = scale / font.unitsPerEm;
  // Finding a glyph takes a microsecond, and rows are measured again and again.
  const known = new Map<number, number | undefined>();
  const find = (codePoint: number) => {
    const isThere = font.hasGlyphForCodePoint(codePoint);
    return isThere ? font.glyphForCodePoint(codePoint).advanceWidth * unit : undefined;
  };
  const advance = (codePoint: number) => {
    if (!known.has(codePoint)) known.set(codePoint, find(codePoint));
    return known.get(codePoint);
  };
  return {
    has: (codePoint) => advance(codePoint) !== undefined,
    advance: (codePoint) => advance(codePoint) ?? 0,
    lineHeight: (winAscent + winDescent) * unit,
  };
}
