import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import type { StatusView } from '../../functions/model/answers/task.ts';
import { barOf, createLiveLine } from './live-line.ts';

export interface ProgressBar extends Disposable {
  update(status: StatusView): void;
}

/** A bar that redraws itself on a terminal; elsewhere a line every few seconds. Disposing of it ends its line. */
export function createProgressBar(stream: NodeJS.WriteStream, now: () => number = Date.now): ProgressBar {
  const line = createLiveLine(stream, now);
  return {
    update: (status) => line.show(progressLine(status)),
    [Symbol.dispose]: () => line[Symbol.dispose](),
  };
}

/** `[########------] 4 of 8, 12 s, 1 failed`: ended combinations, of which some may have failed. */
export function progressLine(task: StatusView): string {
  const { status, combinations, sources, prepared, pending, failed, cancelled } = task;
  const { elapsed_seconds, eta_seconds, problem } = task;
  const done = combinations - pending;
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
  return `${barOf(done / combinations)} ${parts.join(', ')}`;
}
