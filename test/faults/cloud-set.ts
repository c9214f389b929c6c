/** The functions of the cloud, all in one process, on the Pub/Sub and Firestore emulators. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { v1 } from '@google-cloud/pubsub';
import { toNodeHandler } from 'srvx/node';
import { createDiskOutputs } from '../../functions/adapters/disk/outputs.ts';
import { connectFirestore, type FirestoreConnection } from '../../functions/adapters/firestore/firestore.ts';
import { createFirestoreLeases } from '../../functions/adapters/firestore/leases.ts';
import { createFirestoreMemo } from '../../functions/adapters/firestore/memo.ts';
import { createFirestorePins } from '../../functions/adapters/firestore/pins.ts';
import { createFirestoreReports } from '../../functions/adapters/firestore/reports.ts';
import { createFirestoreTasks } from '../../functions/adapters/firestore/tasks.ts';
import { createPubSubQueue } from '../../functions/adapters/pubsub/pubsub.ts';
import { CORES } from '../../functions/base/machine.ts';
import { loadConfig } from '../../functions/config/config.ts';
import {
  type CloudFunctions,
  createCloudFunctions,
  FUNCTION_NAMES,
  type FunctionName,
} from '../../functions/hosts/cloud.ts';
import type { Adapters } from '../../functions/hosts/instrumentation.ts';
import { SUBSCRIPTIONS } from '../../infra/cloud/topology.ts';
import { provision } from '../../infra/emulators/provision.ts';
import { SEAL, SIGNING_KEY } from '../fixtures/system/seal.ts';
import type { AdapterSet, LeftOver } from './adapter-set.ts';
import { childProcesses, dataDir, filesBelow, outputDir, workFiles } from './on-disk.ts';

/** Short, because each trial waits for the leases of its dead processes to lapse; a busy machine renews them in time. */
const TIMES = { ttlMs: 3_000, pollMs: 100, publishingMs: 0 };
/** The emulator redelivers after a second, on a busy machine later. This long after a delivery, no message is on its way. */
const SETTLED_MS = 2_500;
const PATIENT_MS = 1_200;
/** Longer than the pause after the first failed delivery of an event. */
const REFUSED_MS = 10_000;

export const cloudSet: AdapterSet = {
  name: 'the functions on the emulators',
  parallel: 5,
  orderly: false,
  sweepsFirst: false,

  environment: (dir) => ({
    GOOGLE_CLOUD_PROJECT: projectOf(dir),
    METADATA_SERVER_DETECTION: 'none',
    DATA_DIR: dataDir(dir),
    OUTPUT_DIR: outputDir(dir),
    SIGNING_KEY,
    RENDER_CONCURRENCY: '1',
    // One encoder at a time.
    FFMPEG_THREADS: String(CORES),
  }),

  async start(log, instrumentation) {
    const config = loadConfig(process.env);
    const projectId = config.project as string;
    // A new instance has an empty disk, except for what all instances share.
    await rm(join(config.dataDir, 'tmp'), { recursive: true, force: true });
    let bare: Adapters | undefined;
    const functions = createCloudFunctions({
      config,
      log,
      times: TIMES,
      instrumentation: {
        ...instrumentation,
        adapters(adapters) {
          bare = adapters;
          return instrumentation.adapters(adapters);
        },
      },
    });
    const served = await serve(projectId, functions);
    await provision({ projectId, urls: served.urls, impatient: true });
    const sweep = () => functions.sweep(new Request('http://sweep.invalid', { method: 'POST' }));
    // Stands in for the scheduler, before any request is let in.
    await sweep();
    served.open();
    return {
      url: served.urls.processMedia,
      async pending() {
        const settled = performance.now() - served.lastRequestAt() > SETTLED_MS;
        if (!settled) return { messages: 1, tasks: 1 };
        // On a busy machine, the message of an event may take longer than that, and one that was refused waits for the sweep.
        const events = (await bare?.webhooks.due(Date.now() + REFUSED_MS, 1))?.length ?? 0;
        if (events > 0) await sweep();
        return { messages: events, tasks: (await bare?.tasks.unfinished(1))?.length ?? 0 };
      },
      async stop() {
        served.server.close();
        served.server.closeIdleConnections();
        await functions[Symbol.asyncDispose]();
        served.server.closeAllConnections();
      },
    };
  },

  async open(dir) {
    const projectId = projectOf(dir);
    const firestore = connectFirestore({ projectId });
    const queue = createPubSubQueue({ projectId });
    // There are no endpoints to push to, so what is published waits.
    await provision({ projectId, urls: {}, impatient: true });
    return {
      ports: {
        tasks: createFirestoreTasks({ seal: SEAL, firestore }),
        reports: createFirestoreReports({ seal: SEAL, firestore }),
        pins: createFirestorePins({ firestore }),
        leases: createFirestoreLeases({ firestore, ...TIMES }),
        queue,
        outputs: createDiskOutputs({ dir: outputDir(dir) }),
        memo: createFirestoreMemo({ firestore }),
      },
      async leftOvers() {
        return [
          ...(await messagesIn(projectId)),
          ...(await leasesIn(firestore)),
          ...(await workFiles(dir)),
          ...(await childProcesses(dir)),
        ];
      },
      files: () => filesBelow(outputDir(dir)),
      fileIn: (folder, name) => join(folder.id, name),
      async [Symbol.asyncDispose]() {
        await queue[Symbol.asyncDispose]();
        await firestore[Symbol.asyncDispose]();
      },
    };
  },
};

/** A project of its own isolates each trial; the emulators accept any name. */
function projectOf(dir: string): string {
  return `faults-${createHash('sha256').update(dir).digest('hex').slice(0, 20)}`;
}

/**
 * Serves all functions on one port, each below its own path. The path contains the project, because ports are reused.
 * Does without the framework, which would cost each of several hundred processes a second; other tests use it.
 */
async function serve(projectId: string, functions: CloudFunctions) {
  const opened = Promise.withResolvers<void>();
  let lastRequestAt = performance.now();
  const behind = FUNCTION_NAMES.map(
    (name) => [`/${projectId}/${name}`, toNodeHandler(functions[name]) as RequestListener] as const,
  );
  const server = createServer(async (request, response) => {
    lastRequestAt = performance.now();
    response.once('close', () => {
      lastRequestAt = performance.now();
    });
    await opened.promise;
    for (const [path, handle] of behind) {
      if (request.url !== path && !request.url?.startsWith(`${path}/`)) continue;
      request.url = request.url.slice(path.length) || '/';
      handle(request, response);
      return;
    }
    response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const urls = Object.fromEntries(FUNCTION_NAMES.map((name) => [name, `${origin}/${projectId}/${name}`]));
  return {
    server,
    urls: urls as Record<FunctionName, string>,
    open: () => opened.resolve(),
    lastRequestAt: () => lastRequestAt,
  };
}

/** All unacknowledged messages. The subscriptions have had no endpoint since the ports were opened. */
async function messagesIn(projectId: string): Promise<LeftOver[]> {
  await sleep(PATIENT_MS);
  const [servicePath = '', port] = (process.env['PUBSUB_EMULATOR_HOST'] ?? '').split(':');
  const { credentials } = await import('@grpc/grpc-js');
  const subscriber = new v1.SubscriberClient({
    projectId,
    servicePath,
    port: Number(port),
    sslCreds: credentials.createInsecure(),
  });
  try {
    const left = SUBSCRIPTIONS.map(async ({ name }) => {
      const subscription = subscriber.subscriptionPath(projectId, name);
      const [answer] = await subscriber.pull({ subscription, maxMessages: 100, returnImmediately: true });
      return (answer.receivedMessages ?? []).map(({ message }): LeftOver => {
        return { kind: 'message', what: `${name} ${Buffer.from(message?.data ?? '').toString()}` };
      });
    });
    return (await Promise.all(left)).flat();
  } finally {
    await subscriber.close();
  }
}

async function leasesIn(firestore: FirestoreConnection): Promise<LeftOver[]> {
  const keys = await firestore.run(async ({ db }) =>
    (await db.collection('leases').where('token', '!=', null).get()).docs.map(({ id }) =>
      decodeURIComponent(id),
    ),
  );
  const states = await createFirestoreLeases({ firestore, ...TIMES }).read(keys);
  return keys.filter((_, at) => states[at] === 'held').map((key) => ({ kind: 'lease', what: key }));
}
