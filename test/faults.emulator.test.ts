import { cloudSet } from './faults/cloud-set.ts';
import { faultSuite } from './faults/suite.ts';
import { ON_EMULATORS, useEmulators } from './fixtures/emulators.ts';

useEmulators();
faultSuite(cloudSet, ON_EMULATORS);
