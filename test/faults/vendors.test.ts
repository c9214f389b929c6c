import { after, before } from 'node:test';
import { faultSuite, turnOf } from './suite.ts';
import { startVendors, stopVendors, vendorSet } from './vendor-set.ts';

const skip = turnOf('vendors');
if (!skip) {
  before(startVendors);
  after(stopVendors);
}

// One stop point per stage, because the stages are the same as on the disk.
faultSuite(vendorSet, { skip, every: Number.POSITIVE_INFINITY });
