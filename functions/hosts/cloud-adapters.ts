/** Builds the dependencies of the cloud functions: Firestore, Pub/Sub and the vendors that the settings choose. */
import { createDiskOutputs } from '../adapters/disk/outputs.ts';
import { createFirestoreAttempts } from '../adapters/firestore/attempts.ts';
import { connectFirestore } from '../adapters/firestore/firestore.ts';
import { createFirestoreLeases } from '../adapters/firestore/leases.ts';
import { createFirestoreMemo } from '../adapters/firestore/memo.ts';
import { createFirestorePins } from '../adapters/firestore/pins.ts';
import { createFirestoreProblems } from '../adapters/firestore/problems.ts';
import { createFirestoreReports } from '../adapters/firestore/reports.ts';
import { createFirestoreRetention } from '../adapters/firestore/retention.ts';
import { createFirestoreTasks } from '../adapters/firestore/tasks.ts';
import { createFirestoreUsage } from '../adapters/firestore/usage.ts';
import { createFirestoreWebhooks } from '../adapters/firestore/webhooks.ts';
import { createPubSubQueue } from '../adapters/pubsub/pubsub.ts';
import type { Log } from '../base/log.ts';
import { traceparent } from '../base/trace.ts';
import type { Config } from '../config/config.ts';
import { createExclusiveGate } from '../coordination/exclusive-gate.ts';
import { createSeal, sealedMemo } from '../coordination/seal.ts';
import type { HealthCheck } from '../http/readiness.ts';
import { openFfmpeg, openLater } from '../media/open-ffmpeg.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { Memo } from '../ports/memo.ts';
import type { SweepDeps } from '../stages/sweep.ts';
import { chooseAdapters } from './choose-adapters.ts';
import { closeDataDir } from './data-folders.ts';
import type { Instrumentation } from './instrumentation.ts';
import { measuredQueue } from './measured-adapters.ts';
import { assemble } from './wire.ts';

/** Longer than on one machine, because each new round costs reads. */
const FETCH_WAIT_MS = 60_000;
/** Shorter than a delivery, so that a slow download fails with its own error and not with the delivery's. */
const DOWNLOAD_MS = 420_000;
/**
 * Shorter than a delivery for the same reason. A longer encoding would start over with every delivery and never end.
 */
const ENCODE_MS = 480_000;

export interface CloudOptions {
  config: Config;
  log: Log;
  instrumentation: Instrumentation;
  /** For tests, which need shorter times than production. */
  times?: Partial<Pick<LeaseStore, 'ttlMs' | 'pollMs'> & Pick<SweepDeps, 'publishingMs'>> | undefined;
}

/** The API function has neither work on its disk, nor ffmpeg, nor a queue of its own. */
function firestoreCheck(memo: Memo): HealthCheck {
  return {
    name: 'store',
    async failing() {
      await memo.recall(['health']);
      return undefined;
    },
  };
}

/** Builds the dependencies of the functions. SDKs load and connect on first use. */
export async function composeCloud({ config, log, instrumentation, times }: CloudOptions) {
  await using starting = new AsyncDisposableStack();
  const { project: projectId, taskDays } = config;
  const umask = await closeDataDir(config);
  // Most functions never run it.
  const ffmpeg = starting.use(
    openLater(() =>
      openFfmpeg({
        configured: config.ffmpegBin,
        searchPath: config.searchPath,
        cage: config.ffmpegCage,
        log,
        tryLimits: config.inCloud,
      }),
    ),
  );
  const firestore = starting.use(connectFirestore({ projectId, taskDays }));
  const memo = createFirestoreMemo({ firestore });
  const seal = createSeal({ key: config.signingKey, log });
  const chosen = starting.use(
    chooseAdapters({
      config,
      memo: sealedMemo(memo, seal),
      seal,
      diskOutputs: createDiskOutputs({ dir: config.outputDir, umask }),
      // On Cloud Run each instance has its own disk.
      sharedDisk: !config.inCloud,
      downloadLimits: { totalMs: DOWNLOAD_MS },
    }),
  );
  const own = {
    tasks: createFirestoreTasks({ firestore, seal }),
    reports: createFirestoreReports({ firestore, seal }),
    pins: createFirestorePins({ firestore }),
    problems: createFirestoreProblems({ firestore }),
    webhooks: createFirestoreWebhooks({ firestore, seal }),
    usage: createFirestoreUsage({ firestore }),
    leases: createFirestoreLeases({ firestore, ...times }),
    attempts: createFirestoreAttempts({ firestore }),
    queue: measuredQueue(starting.use(createPubSubQueue({ projectId, traceparent })), 'gcp_pubsub'),
    memo,
  };
  const limits = { fetchWaitMs: FETCH_WAIT_MS, encodeLimitMs: ENCODE_MS };
  const deps = {
    ...assemble(own, chosen, {
      config,
      log,
      instrumentation,
      ffmpeg,
      seal,
      ...limits,
      checks: [firestoreCheck(memo)],
      remade: 'in prepare',
    }),
    gate: createExclusiveGate(),
    removeOldUploads: chosen.removeOldUploads,
    retention: createFirestoreRetention({
      firestore,
      tasks: own.tasks,
      onFailed: (taskId, error) =>
        log.error('The records of a task could not be prolonged; the next sweep tries again', {
          event: 'sweep.failed',
          task_id: taskId,
          error,
        }),
    }),
  };
  const disposables = starting.move();
  return { deps, [Symbol.asyncDispose]: () => disposables.disposeAsync() };
}
