import { ON_EMULATORS, useEmulators } from '../fixtures/hosts/emulators.ts';
import { cloudSet } from './cloud-set.ts';
import { faultSuite, turnOf } from './suite.ts';

useEmulators();
// One stop point per stage, because the stages are the same as on one machine.
faultSuite(cloudSet, { skip: ON_EMULATORS.skip || turnOf('emulators'), every: Number.POSITIVE_INFINITY });
