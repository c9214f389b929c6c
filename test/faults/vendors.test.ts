import { after, before } from 'node:test';
import { faultSuite } from './suite.ts';
import { startVendors, stopVendors, vendorSet } from './vendor-set.ts';

/** The stages are the same as on the disk, where all points are tried. */
const EVERY = process.env['FAULT_POINTS'] === 'all' ? 1 : 24;

before(startVendors);
after(stopVendors);

faultSuite(vendorSet, { every: EVERY });
