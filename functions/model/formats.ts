/** The shapes that videos are made in. */

/** How a picture of another aspect ratio is fitted: with bars, cropped, or over a blurred copy of itself. */
export type Fit = 'contain' | 'cover' | 'blur';

/** One shape of the videos of a task that has several. */
export interface Format {
  /** Of its sub-folder, and at the end of the names of its videos. */
  name: string;
  width: number;
  height: number;
  fit: Fit;
  /** Colour of the bars that "contain" leaves, "#rrggbb", in lower case. */
  background: string;
}

/** The shapes that advertising platforms ask for, by the names under which uploaders know them. */
export const KNOWN_FORMATS = {
  '9x16': { width: 1080, height: 1920 },
  '4x5': { width: 1080, height: 1350 },
  '1x1': { width: 1080, height: 1080 },
  '16x9': { width: 1920, height: 1080 },
} as const;

export type KnownFormat = keyof typeof KNOWN_FORMATS;
export const KNOWN_FORMAT_NAMES = Object.keys(KNOWN_FORMATS) as [KnownFormat, ...KnownFormat[]];

export function isKnownFormat(name: string): name is KnownFormat {
  return Object.hasOwn(KNOWN_FORMATS, name);
}
