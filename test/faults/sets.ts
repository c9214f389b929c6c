import type { AdapterSet } from './adapter-set.ts';
import { localSet } from './local-set.ts';

/** By name, as the child process is told which one to start. */
export const ADAPTER_SETS: Readonly<Record<string, AdapterSet>> = { [localSet.name]: localSet };
