import { ON_EMULATORS, useEmulators } from '../fixtures/hosts/emulators.ts';
import { cloudSet } from './cloud-set.ts';
import { faultSuite } from './suite.ts';

/** All points take a quarter of an hour on 2 cores; FAULT_POINTS=all tries them. */
const EVERY = process.env['FAULT_POINTS'] === 'all' ? 1 : 20;

useEmulators();
faultSuite(cloudSet, { ...ON_EMULATORS, every: EVERY });
