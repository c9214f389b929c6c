import { localSet } from './local-set.ts';
import { faultSuite } from './suite.ts';

faultSuite(localSet, { every: 54, wide: true });
