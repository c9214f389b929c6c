import type { Stage } from '../base/errors.ts';
import type { Report } from '../model/report.ts';

/** Which stage is under way and how long each took. */
export class StageWatch {
  stage: Stage = 'mix';
  readonly #stages: Partial<Record<Stage, number>> = {};
  readonly #started = performance.now();
  #since = this.#started;

  next(stage: Stage): void {
    this.#note();
    this.stage = stage;
  }

  seconds(): Pick<Report, 'renderSeconds' | 'stageSeconds'> {
    this.#note();
    return { renderSeconds: rounded(this.#since - this.#started), stageSeconds: this.#stages };
  }

  #note(): void {
    const now = performance.now();
    this.#stages[this.stage] = rounded(now - this.#since);
    this.#since = now;
  }
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}
