import { localSet } from './faults/local-set.ts';
import { faultSuite } from './faults/suite.ts';

faultSuite(localSet);
