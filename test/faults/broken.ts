/** Instrumentation that behave as no adapter may, or as every queue may. */

import type { Adapters } from '../../functions/hosts/instrumentation.ts';
import type { Report } from '../../functions/model/report.ts';
import type { Queue, ReportStore } from '../../functions/ports.ts';

type Breaking = <A extends Adapters>(adapters: A) => A;

/** A queue's right, at its worst: everything three times and the last one first. */
const thrice: Breaking = (adapters) =>
  withQueue(adapters, (queue) => ({
    publish: (messages) => queue.publish([...messages, ...messages, ...messages].reverse()),
  }));

/** Each message of a render is lost on its way where it is the second one's. */
const losesAMessage: Breaking = (adapters) =>
  withQueue(adapters, (queue) => ({
    publish: (messages) =>
      queue.publish(messages.filter((message) => message.topic !== 'render' || message.index !== 2)),
  }));

/** Says that the second combination was counted, and has stored nothing. */
const losesAReport: Breaking = (adapters) =>
  withReports(adapters, (reports) => ({
    report: async (taskId: string, report: Report) => report.index === 2 || reports.report(taskId, report),
  }));

/** Says of every report that it was the first one, and knows of none where it is asked for one. */
const countsTwice: Breaking = (adapters) =>
  withReports(thrice(adapters), (reports) => ({
    report: async (taskId: string, report: Report) => {
      await reports.report(taskId, report);
      return true;
    },
    list: async (taskId: string, from: number, to: number) =>
      from === to ? [] : reports.list(taskId, from, to),
  }));

export const BROKEN = { thrice, losesAMessage, losesAReport, countsTwice } satisfies Record<string, Breaking>;
export type BrokenName = keyof typeof BROKEN;

function withQueue<A extends Adapters>(adapters: A, change: (queue: Queue) => Partial<Queue>): A {
  return { ...adapters, queue: { ...adapters.queue, ...change(adapters.queue) } };
}

function withReports<A extends Adapters>(
  adapters: A,
  change: (reports: ReportStore) => Partial<ReportStore>,
): A {
  return { ...adapters, reports: { ...adapters.reports, ...change(adapters.reports) } };
}
