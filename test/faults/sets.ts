import type { AdapterSet } from './adapter-set.ts';

/** By name, as the child process is told which one to start; each loaded only where it is used. */
export const ADAPTER_SETS: Readonly<Record<string, () => Promise<AdapterSet>>> = {
  'the single-machine host': async () => (await import('./local-set.ts')).localSet,
  'the single-machine host on Drive and Cloud Storage': async () =>
    (await import('./vendor-set.ts')).vendorSet,
  'the functions on the emulators': async () => (await import('./cloud-set.ts')).cloudSet,
};
