/** What the functions in the cloud are made of: Firestore and Pub/Sub, and the vendors that the settings choose. */
import { join } from 'node:path';
import { createDiskOutputs } from '../adapters/disk/outputs.ts';
import { createFirestoreAttempts } from '../adapters/firestore/attempts.ts';
import { connectFirestore } from '../adapters/firestore/firestore.ts';
import { createFirestoreLeases } from '../adapters/firestore/leases.ts';
import { createFirestoreMemo } from '../adapters/firestore/memo.ts';
import { createFirestorePins } from '../adapters/firestore/pins.ts';
import { createFirestoreReports } from '../adapters/firestore/reports.ts';
import { createFirestoreTasks } from '../adapters/firestore/tasks.ts';
import { createPubSubQueue } from '../adapters/pubsub/pubsub.ts';
import type { Log } from '../base/log.ts';
import { traceparent } from '../base/trace.ts';
import type { Config } from '../config/config.ts';
import { createExclusiveGate } from '../coordination/exclusive-gate.ts';
import { createFfmpeg } from '../media/ffmpeg.ts';
import { findFfmpeg } from '../media/find-ffmpeg.ts';
import type { LeaseStore } from '../ports.ts';
import type { SweepDeps } from '../stages/sweep.ts';
import { chooseAdapters } from './choose-adapters.ts';
import type { Instrumentation } from './instrumentation.ts';
import { apiSettings, assemble } from './wire.ts';

/** Encoders at a time: one keeps all threads busy, more only take memory. */
const ENCODERS = 1;
/** How long a step waits for others before it looks whether they are still there. */
const PATIENCE_MS = 60_000;
/** Shorter than a delivery lasts, so that its end is told of by the download and not by the platform. */
const DOWNLOAD_MS = 420_000;
/** As above. What takes longer would be begun anew at each delivery, and never end. */
const ENCODE_MS = 480_000;

export interface CloudOptions {
  config: Config;
  log: Log;
  instrumentation: Instrumentation;
  /** Other times than those that suit a fleet. */
  times?: Partial<Pick<LeaseStore, 'ttlMs' | 'pollMs'> & Pick<SweepDeps, 'publishingMs'>> | undefined;
}

/** The parts of a function. SDKs are loaded, and connected, when something is first asked of them. */
export async function composeCloud({ config, log, instrumentation, times }: CloudOptions) {
  await using starting = new AsyncDisposableStack();
  const { project: projectId } = config;
  const tempDir = join(config.dataDir, 'tmp');
  const binary = findFfmpeg({ configured: config.ffmpegBin, searchPath: config.searchPath });
  const ffmpeg = starting.use(createFfmpeg({ path: binary.path }));
  const firestore = starting.use(connectFirestore({ projectId }));
  const memo = createFirestoreMemo({ firestore });
  const vendors = starting.use(
    chooseAdapters({
      config,
      memo,
      diskOutputs: createDiskOutputs({ dir: config.outputDir }),
      artifactsDir: join(config.dataDir, 'artifacts'),
      tempDir,
      // On Cloud Run each instance has a disk of its own.
      sharedDisk: !config.inCloud,
      downloadLimits: { totalMs: DOWNLOAD_MS },
    }),
  );
  const adapters = instrumentation.adapters({
    tasks: createFirestoreTasks({ firestore }),
    reports: createFirestoreReports({ firestore }),
    pins: createFirestorePins({ firestore }),
    leases: createFirestoreLeases({ firestore, ...times }),
    attempts: createFirestoreAttempts({ firestore }),
    queue: starting.use(createPubSubQueue({ projectId, traceparent })),
    memo,
    artifacts: vendors.artifacts,
    outputs: vendors.outputs,
    downloads: vendors.downloads,
    speech: vendors.speech,
  });
  const deps = {
    ...assemble(adapters, {
      ffmpeg,
      log,
      tempDir,
      patienceMs: PATIENCE_MS,
      encoders: ENCODERS,
      mixers: config.renderConcurrency,
      threads: config.ffmpegThreads,
      maxClipSeconds: config.maxClipSeconds,
      encodeLimitMs: ENCODE_MS,
    }),
    gate: createExclusiveGate(),
    run: instrumentation.run,
    ...apiSettings(config),
  };
  const disposables = starting.move();
  return { deps, [Symbol.asyncDispose]: () => disposables.disposeAsync() };
}
