import { connectFirestore, type FirestoreConnection } from '../../functions/adapters/firestore.ts';
import { createFirestoreLeases } from '../../functions/adapters/firestore-leases.ts';
import { createFirestorePins } from '../../functions/adapters/firestore-pins.ts';
import { createFirestoreReports } from '../../functions/adapters/firestore-reports.ts';
import { createFirestoreTasks } from '../../functions/adapters/firestore-tasks.ts';
import { createFirestoreUrls } from '../../functions/adapters/firestore-urls.ts';
import { leaseContract } from '../contracts/leases.ts';
import { pinContract } from '../contracts/pins.ts';
import { reportContract } from '../contracts/reports.ts';
import { taskContract } from '../contracts/tasks.ts';
import { urlContract } from '../contracts/urls.ts';
import { newProject, ON_EMULATORS, useEmulators } from '../fixtures/emulators.ts';

useEmulators();

/** Adapters in a project of their own. */
async function on<T extends object>(
  build: (firestore: FirestoreConnection) => T,
  projectId = newProject(),
): Promise<T & AsyncDisposable> {
  const firestore = connectFirestore({ projectId });
  return { ...build(firestore), [Symbol.asyncDispose]: () => firestore[Symbol.asyncDispose]() };
}

taskContract(
  'firestore',
  () => on((firestore) => ({ store: createFirestoreTasks({ firestore }) })),
  ON_EMULATORS,
);
reportContract(
  'firestore',
  () =>
    on((firestore) => ({
      tasks: createFirestoreTasks({ firestore }),
      reports: createFirestoreReports({ firestore }),
    })),
  ON_EMULATORS,
);
pinContract(
  'firestore',
  () =>
    on((firestore) => ({
      tasks: createFirestoreTasks({ firestore }),
      pins: createFirestorePins({ firestore }),
    })),
  ON_EMULATORS,
);
leaseContract(
  'firestore',
  () => on((firestore) => ({ store: createFirestoreLeases({ firestore }) })),
  ON_EMULATORS,
);
urlContract(
  'firestore',
  () => on((firestore) => ({ store: createFirestoreUrls({ firestore }) })),
  ON_EMULATORS,
);
