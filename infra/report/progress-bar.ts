import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import type { StatusView } from '../../functions/model/answers/task.ts';

const BAR_WIDTH = 30;
/** Between two lines where there is no terminal to draw on. */
const LINE_EVERY_MS = 3_000;

export interface ProgressBar extends Disposable {
  update(status: StatusView): void;
}

/** A bar that redraws itself on a terminal; elsewhere a line every few seconds. Disposing of it ends its line. */
export function createProgressBar(stream: NodeJS.WriteStream, now: () => number = Date.now): ProgressBar {
  let lastLineAt = Number.NEGATIVE_INFINITY;
  let drawn = false;
  return {
    update(status) {
      const line = progressLine(status);
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

/** `[########------] 4 of 8, 12 s, 1 failed`: ended combinations, of which some may have failed. */
export function progressLine(task: StatusView): string {
  const { status, combinations, sources, prepared, pending, failed, cancelled } = task;
  const { elapsed_seconds, eta_seconds, problem } = task;
  const done = combinations - pending;
  const filled = Math.round((BAR_WIDTH * done) / combinations);
  const parts = [
    ...(status === 'preparing' ? [`preparing: ${prepared} of ${sources} sources ready`] : []),
    ...(status === 'queued' || status === 'cancelling' ? [status] : []),
    ...(done > 0 || status === 'rendering' ? [`${done} of ${combinations}`] : []),
    `${Math.round(elapsed_seconds)} s`,
    ...(eta_seconds ? [`about ${Math.ceil(eta_seconds)} s left`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
    ...(problem === null ? [] : [escapeHidden(problem.message)]),
  ];
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${parts.join(', ')}`;
}
