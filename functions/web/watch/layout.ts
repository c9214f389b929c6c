/** Where tiles are in a grid of which only the part in view is drawn. All lengths are in CSS pixels. */

export interface Layout {
  columns: number;
  tileWidth: number;
  posterHeight: number;
  tileHeight: number;
  /** From the top of one row to that of the next. */
  rowStep: number;
  /** Of the whole grid. */
  height: number;
  count: number;
}

/** From the first to the last position that is drawn, both included; last is -1 if there is none. */
export interface Range {
  first: number;
  last: number;
}

const GAP = 16;
/** Narrower on phones, so that two tiles fit side by side. */
const LEAST_TILE = 184;
const LEAST_TILE_ON_PHONES = 148;
const PHONE = 560;
/** Number and buttons below the picture, and a line of the name, of which there are up to three. */
const FOOT_WITHOUT_NAME = 82;
const NAME_LINE = 20;
const MOST_NAME_LINES = 3;
/** Left and right of the name. */
const NAME_EDGES = 28;
/** What is lost where lines break, as a share. */
const BREAKS = 1.15;
/** A wide picture is shown with bars above and below, so that messages have room. */
const LEAST_POSTER_SHARE = 0.75;
const ROWS_AROUND = 1;

/**
 * @param aspect width of the pictures divided by their height
 * @param nameWidth of the longest name, on one line
 */
export function layoutOf(width: number, count: number, aspect: number, nameWidth: number): Layout {
  const least = width < PHONE ? LEAST_TILE_ON_PHONES : LEAST_TILE;
  const columns = Math.max(1, Math.floor((width + GAP) / (least + GAP)));
  const tileWidth = Math.max(0, Math.floor((width - GAP * (columns - 1)) / columns));
  const posterHeight = Math.round(Math.max(tileWidth / aspect, tileWidth * LEAST_POSTER_SHARE));
  const nameRoom = Math.max(1, tileWidth - NAME_EDGES);
  const nameLines =
    nameWidth <= nameRoom ? 1 : Math.min(MOST_NAME_LINES, Math.ceil((nameWidth * BREAKS) / nameRoom));
  const tileHeight = posterHeight + FOOT_WITHOUT_NAME + nameLines * NAME_LINE;
  const rowStep = tileHeight + GAP;
  const rows = Math.ceil(count / columns);
  return {
    columns,
    tileWidth,
    posterHeight,
    tileHeight,
    rowStep,
    height: Math.max(0, rows * rowStep - GAP),
    count,
  };
}

/** @param top how far the grid is scrolled: distance from its top edge to that of the window */
export function rangeInView({ columns, rowStep, count }: Layout, top: number, viewHeight: number): Range {
  const firstRow = Math.max(0, Math.floor(top / rowStep) - ROWS_AROUND);
  const lastRow = Math.max(firstRow, Math.floor((top + viewHeight) / rowStep) + ROWS_AROUND);
  const lastPosition = count - 1;
  return {
    first: Math.max(0, Math.min(firstRow * columns, lastPosition)),
    last: Math.min((lastRow + 1) * columns - 1, lastPosition),
  };
}

export function placeAt({ columns, tileWidth, rowStep }: Layout, position: number): { x: number; y: number } {
  return { x: (position % columns) * (tileWidth + GAP), y: Math.floor(position / columns) * rowStep };
}

/** Where an arrow key leads from a position; undefined for other keys. */
export function moved({ columns, count }: Layout, position: number, key: string): number | undefined {
  const to = {
    ArrowRight: position + 1,
    ArrowLeft: position - 1,
    ArrowDown: position + columns,
    ArrowUp: position - columns,
    Home: 0,
    End: count - 1,
  }[key];
  if (to === undefined) return undefined;
  return to < 0 || to >= count ? position : to;
}

/** Width by height of a format such as "9x16" or "1080x1920"; undefined if its name does not say so. */
export function aspectOf(format: string | null): number | undefined {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(format ?? '') ?? [];
  const aspect = Number(width) / Number(height);
  return Number.isFinite(aspect) && aspect > 0 ? aspect : undefined;
}
