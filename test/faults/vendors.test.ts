import { after, before } from 'node:test';
import { faultSuite } from './suite.ts';
import { startVendors, stopVendors, vendorSet } from './vendor-set.ts';

before(startVendors);
after(stopVendors);

// One point for each stage: the stages are the same as on the disk.
faultSuite(vendorSet, { every: Number.POSITIVE_INFINITY });
