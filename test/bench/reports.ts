/** Measures reports per second on the Firestore emulator, for a number of concurrent callers. */
import { connectFirestore } from '../../functions/adapters/firestore/firestore.ts';
import { createFirestoreReports } from '../../functions/adapters/firestore/reports.ts';
import { createFirestoreTasks } from '../../functions/adapters/firestore/tasks.ts';
import { sampleReport, sampleTask } from '../contracts/samples.ts';
import { SEAL } from '../fixtures/system/seal.ts';

export interface ReportRate {
  callers: number;
  /** Combinations of the task. */
  reports: number;
  /** Calls that reported a combination a second time. */
  repeated: number;
  /** Calls that reported, checked for completion and, for the last one, claimed it. */
  perSecond: number;
  /** Reports that the store counted. */
  counted: number;
  /** Reports that the store accepted as the first of their combination. */
  first: number;
  /** How often a caller claimed the completion. Must be 1. */
  completions: number;
}

const REPORTS = 1_000;
/** One report in this many is sent twice. */
const REPEATED = 10;

/** Uses the emulator at FIRESTORE_EMULATOR_HOST. */
export async function timeReports(callers: number): Promise<ReportRate> {
  const firestore = connectFirestore({ projectId: `bench-${crypto.randomUUID().slice(0, 20)}` });
  try {
    const tasks = createFirestoreTasks({ seal: SEAL, firestore });
    const reports = createFirestoreReports({ seal: SEAL, firestore });
    const task = sampleTask({ combinations: REPORTS });
    await tasks.create(task);
    const left = task.plan.combinations.flatMap(({ index }) =>
      index % REPEATED === 0 ? [index, index] : [index],
    );
    const repeated = left.length - REPORTS;
    let first = 0;
    let completions = 0;
    const caller = async () => {
      for (let index = left.shift(); index !== undefined; index = left.shift()) {
        if (await reports.report(task.id, sampleReport(index))) first += 1;
        if ((await reports.claimCompletion(task.id, index)) !== 'claimed') continue;
        completions += 1;
        await reports.markCompletionPublished(task.id);
      }
    };
    const began = performance.now();
    await Promise.all(Array.from({ length: callers }, caller));
    const seconds = (performance.now() - began) / 1000;
    const progress = await tasks.progress(task.id);
    const perSecond = (REPORTS + repeated) / seconds;
    return {
      callers,
      reports: REPORTS,
      repeated,
      perSecond,
      counted: progress?.succeeded ?? 0,
      first,
      completions,
    };
  } finally {
    await firestore[Symbol.asyncDispose]();
  }
}
