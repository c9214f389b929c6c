import { after, before } from 'node:test';
import { faultSuite } from './suite.ts';
import { startVendors, stopVendors, vendorSet } from './vendor-set.ts';

before(startVendors);
after(stopVendors);

// One stop point per stage, because the stages are the same as on the disk.
faultSuite(vendorSet, { every: Number.POSITIVE_INFINITY });
