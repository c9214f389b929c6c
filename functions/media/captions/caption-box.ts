/** Where captions stand in a picture, and how large they are there. Pure. */
import type { CaptionStyle } from '../../model/captions.ts';
import { type Box, safeBox } from '../safe-box.ts';

export interface CaptionFrame {
  style: CaptionStyle;
  /** Of the picture, pixels. */
  width: number;
  height: number;
}

/** Em of the default font, whose lines are as high as its size says. Other fonts get letters of the same size. */
const EM = 0.64;
/** Shares of the em. */
const OUTLINE = 0.13;
const SHADOW = 0.05;
/** Of the width and height, beside pictures that have no safe box of their own. */
const MARGIN = 0.08;

/** Size of the letters, pixels. */
export function emOf({ style, width, height }: CaptionFrame): number {
  return (EM * Math.min(width, height) * style.size) / 100;
}

export function edgesOf(em: number): { outline: number; shadow: number } {
  return { outline: pixels(OUTLINE * em), shadow: pixels(SHADOW * em) };
}

/** As it is written: two digits are more than anyone sees. */
export function pixels(length: number): number {
  return Math.round(length * 100) / 100;
}

/** Within the safe box, around the middle of the picture, without the outline. */
export function captionBox(frame: CaptionFrame): Box {
  const { width, height } = frame;
  const safe = safeBox(frame);
  const { outline, shadow } = edgesOf(emOf(frame));
  const edge = Math.ceil(outline + shadow);
  const side = Math.max(safe.left, width - safe.right, Math.round(MARGIN * width)) + edge;
  return {
    ...{ left: side, right: width - side },
    top: Math.max(safe.top, Math.round(MARGIN * height)) + edge,
    bottom: Math.min(safe.bottom, Math.round((1 - MARGIN) * height)) - edge,
  };
}

/** Anchored to the edge of the box, so that rows are added towards the middle. */
export function placeTag(frame: CaptionFrame): string {
  const box = captionBox(frame);
  const { position } = frame.style;
  const x = Math.round((box.left + box.right) / 2);
  const y = { top: box.top, middle: Math.round(frame.height / 2), bottom: box.bottom }[position];
  return `\\an${{ top: 8, middle: 5, bottom: 2 }[position]}\\pos(${x},${y})`;
}
