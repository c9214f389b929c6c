/** Instrumentation that breaks the contract of a port, or that does the worst that a queue may do. */

import type { Adapters } from '../../functions/hosts/instrumentation.ts';
import type { Report } from '../../functions/model/report.ts';
import type { Queue } from '../../functions/ports/queue.ts';
import type { ReportStore } from '../../functions/ports/reports.ts';

type Breaking = <A extends Adapters>(adapters: A) => A;

/** Delivers everything three times, the last message first, as a queue may. */
const thrice: Breaking = (adapters) =>
  withQueue(adapters, (queue) => ({
    publish: (messages) => queue.publish([...messages, ...messages, ...messages].reverse()),
  }));

/** Loses all messages for the render of the second combination. */
const losesAMessage: Breaking = (adapters) =>
  withQueue(adapters, (queue) => ({
    publish: (messages) =>
      queue.publish(messages.filter((message) => message.topic !== 'render' || message.index !== 2)),
  }));

/** Claims to have counted the report of the second combination, but stores nothing. */
const losesAReport: Breaking = (adapters) =>
  withReports(adapters, (reports) => ({
    report: async (taskId: string, report: Report) => report.index === 2 || reports.report(taskId, report),
  }));

/** Claims that every report is the first of its combination, and finds none when asked for a single one. */
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
