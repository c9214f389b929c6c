/** Pictures that are burned into clips. */

export const OVERLAY_POSITIONS = [
  'top_left',
  'top',
  'top_right',
  'left',
  'center',
  'right',
  'bottom_left',
  'bottom',
  'bottom_right',
] as const;
export type OverlayPosition = (typeof OVERLAY_POSITIONS)[number];

export interface Overlay {
  /** Of its picture, in Plan.sources. */
  image: number;
  position: OverlayPosition;
  /** Percent of the width of the video. */
  width: number;
  /** 0 to 1. */
  opacity: number;
  /** When it is seen, seconds from the start of each clip; null: to its end. */
  from: number;
  to: number | null;
}

export const DEFAULT_OVERLAY_POSITION: OverlayPosition = 'top_right';
export const DEFAULT_OVERLAY_WIDTH = 20;
