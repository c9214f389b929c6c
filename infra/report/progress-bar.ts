import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import type { StatusView } from '../../functions/model/answers/task.ts';
import { barOf, createLiveLine } from './live-line.ts';

/** Between two looks at the task, the seconds show that the work goes on. */
const TICK_MS = 1_000;
/** Before, an estimate is a guess. */
const LEAST_DONE = 3;
/** Estimates that are compared. */
const COMPARED = 5;
/** Seconds by which the expected end may move, and as a share of what is left. */
const STEADY = { seconds: 2, share: 0.2 };

export interface ProgressBar extends Disposable {
  update(status: StatusView): void;
}

/**
 * A bar that redraws itself on a terminal; elsewhere a line every few seconds. Disposing of it ends its line.
 * @param more `hasCaptions`: captions are drawn into the pictures before the first video is finished
 */
export function createProgressBar(
  stream: NodeJS.WriteStream,
  { hasCaptions = false, now = Date.now }: { hasCaptions?: boolean; now?: () => number } = {},
): ProgressBar {
  const line = createLiveLine(stream, now);
  const ends: number[] = [];
  let last: { status: StatusView; at: number } | undefined;
  const show = () => {
    if (last === undefined) return;
    const seconds = last.status.elapsed_seconds + (now() - last.at) / 1_000;
    line.show(progressLine(last.status, { hasCaptions, seconds, isSteady: isSteady(ends) }));
  };
  const timer = stream.isTTY ? setInterval(show, TICK_MS).unref() : undefined;
  return {
    update(status) {
      last = { status, at: now() };
      const { elapsed_seconds, eta_seconds } = status;
      if (eta_seconds !== null) ends.push(elapsed_seconds + eta_seconds);
      ends.splice(0, ends.length - COMPARED);
      show();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      line[Symbol.dispose]();
    },
  };
}

/** `[########------] 4 of 8, 12 s, 1 failed`: ended combinations, of which some may have failed. */
function progressLine(
  task: StatusView,
  { hasCaptions, seconds, isSteady }: { hasCaptions: boolean; seconds: number; isSteady: boolean },
): string {
  const { status, combinations, sources, prepared, pending, failed, cancelled, problem } = task;
  const done = combinations - pending;
  const eta = task.eta_seconds === null ? 0 : task.eta_seconds + task.elapsed_seconds - seconds;
  const isPreparing = status === 'preparing' && done === 0;
  const isCaptioning = hasCaptions && done === 0 && prepared === sources && status !== 'queued';
  const parts = [
    ...(status === 'preparing' && !isCaptioning
      ? [`preparing: ${prepared} of ${sources} sources ready`]
      : []),
    ...(isCaptioning && pending > 0 ? ['making captions'] : []),
    ...(status === 'queued' || status === 'cancelling' ? [status] : []),
    ...(done > 0 || status === 'rendering' ? [`${done} of ${combinations}`] : []),
    `${Math.round(seconds)} s`,
    ...(eta > 0 && done >= LEAST_DONE && isSteady ? [`about ${Math.ceil(eta)} s left`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(cancelled > 0 ? [`${cancelled} cancelled`] : []),
    ...(problem === null ? [] : [escapeHidden(problem.message)]),
  ];
  const share = isPreparing ? prepared / Math.max(1, sources) : done / combinations;
  return `${barOf(share)} ${parts.join(', ')}`;
}

/** Whether the last estimates agree. @param ends expected ends, in seconds since the beginning */
function isSteady(ends: readonly number[]): boolean {
  if (ends.length < 2) return false;
  const latest = ends.at(-1) as number;
  const spread = Math.max(...ends) - Math.min(...ends);
  return spread <= Math.max(STEADY.seconds, latest * STEADY.share);
}
