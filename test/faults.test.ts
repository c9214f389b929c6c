import { localSet } from './faults/local-set.ts';
import { faultSuite } from './faults/suite.ts';

/** All points take five minutes on 2 cores, beside the rehearsal twice that; FAULT_POINTS=all tries them. */
const EVERY = process.env['FAULT_POINTS'] === 'all' ? 1 : 2;

faultSuite(localSet, { every: EVERY });
