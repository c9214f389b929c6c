/** Where on a video something is seen that is laid over it. Pure. */

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** From this ratio of height to width on, apps show a video over the whole screen, with their own controls on top. */
const FULL_SCREEN = 1.5;
/**
 * What Instagram, TikTok and YouTube all leave free of 1080x1920: 288 of the top, 672 of the bottom, 120 of the left and 192
 * of the right, where their buttons are.
 */
const FREE = { left: 120 / 1080, top: 288 / 1920, right: 888 / 1080, bottom: 1248 / 1920 };
/** Beside all others, of the shorter side. */
const MARGIN = 0.04;

/** The part that no app covers, in pixels. */
export function safeBox({ width, height }: { width: number; height: number }): Box {
  if (height / width >= FULL_SCREEN) {
    return {
      ...{ left: Math.round(FREE.left * width), right: Math.round(FREE.right * width) },
      ...{ top: Math.round(FREE.top * height), bottom: Math.round(FREE.bottom * height) },
    };
  }
  const margin = Math.round(MARGIN * Math.min(width, height));
  return { left: margin, top: margin, right: width - margin, bottom: height - margin };
}
