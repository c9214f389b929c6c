import { localSet } from './local-set.ts';
import { faultSuite } from './suite.ts';

faultSuite(localSet, { every: 90, wide: true });
