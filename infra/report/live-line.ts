/** Between two lines where there is no terminal to draw on. */
const LINE_EVERY_MS = 3_000;
const BAR_WIDTH = 30;

export interface LiveLine extends Disposable {
  show(line: string): void;
}

/** A line that redraws itself on a terminal; elsewhere a line every few seconds. Disposing of it ends the line. */
export function createLiveLine(stream: NodeJS.WriteStream, now: () => number = Date.now): LiveLine {
  let lastLineAt = Number.NEGATIVE_INFINITY;
  let drawn = false;
  return {
    show(line) {
      if (stream.isTTY) {
        // Cut to the width: a line that wraps would not be overwritten.
        stream.write(`\r\u001b[2K${line.slice(0, Math.max(20, stream.columns - 1))}`);
        drawn = true;
      } else if (now() - lastLineAt >= LINE_EVERY_MS) {
        stream.write(`${line}\n`);
        lastLineAt = now();
      }
    },
    [Symbol.dispose]() {
      if (drawn) stream.write('\n');
      drawn = false;
    },
  };
}

/** `[######--------]`: 0 is empty, 1 is full. */
export function barOf(share: number): string {
  const filled = Math.round(BAR_WIDTH * share);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
}
