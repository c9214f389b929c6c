import type { AdapterSet } from './adapter-set.ts';

/** By the name that a child process receives. Each set is loaded only when it is used. */
export const ADAPTER_SETS: Readonly<Record<string, () => Promise<AdapterSet>>> = {
  'the single-machine host': async () => (await import('./local-set.ts')).localSet,
  'the single-machine host on Drive and Cloud Storage': async () =>
    (await import('./vendor-set.ts')).vendorSet,
  'the functions on the emulators': async () => (await import('./cloud-set.ts')).cloudSet,
};
