import { localSet } from './local-set.ts';
import { faultSuite } from './suite.ts';

faultSuite(localSet, { every: 20, wide: true });
