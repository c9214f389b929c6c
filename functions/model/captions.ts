/** What callers choose about captions. */

export const CAPTION_MODES = ['none', 'srt', 'track', 'burn'] as const;
export const CAPTION_FILES = ['srt', 'vtt'] as const;
export type CaptionFile = (typeof CAPTION_FILES)[number];
export const CAPTION_POSITIONS = ['top', 'middle', 'bottom'] as const;

/**
 * Fonts that this service brings along, by the names under which callers choose them. In this order they are looked through
 * for what the chosen one lacks: those of one script first.
 */
export const CAPTION_FONTS = [
  'Montserrat',
  'Noto Sans Arabic',
  'Noto Sans Hebrew',
  'Noto Sans Devanagari',
  'Noto Sans Thai',
  'Noto Sans',
  'Noto Sans SC',
  'Noto Sans TC',
  'Noto Sans JP',
  'Noto Sans KR',
] as const;

/** How burned captions look. */
export interface CaptionStyle {
  /** The first choice: what it does not have is shown in the others. */
  font: (typeof CAPTION_FONTS)[number];
  /** Height of a line, percent of the shorter side of the picture. */
  size: number;
  /** "#rrggbb", in lower case. */
  colour: string;
  /** Colour of the word that is being spoken; null: none stands out. */
  highlight: string | null;
  position: (typeof CAPTION_POSITIONS)[number];
  wordsPerLine: number;
  upperCase: boolean;
}

export interface CaptionChoices {
  /** Inside the video; null: only beside it. */
  inside: 'track' | 'burn' | null;
  /** Files beside each video. */
  files: readonly CaptionFile[];
  style: CaptionStyle;
}

/** Made for upright ads: large, outlined, three words at a time, the spoken one in yellow. */
export const DEFAULT_CAPTION_STYLE: CaptionStyle = {
  font: 'Montserrat',
  size: 10,
  colour: '#ffffff',
  highlight: '#ffd700',
  position: 'bottom',
  wordsPerLine: 3,
  upperCase: true,
};
