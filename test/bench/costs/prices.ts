/**
 * What Google and others charge, in US dollars without tax. Google: pay-as-you-go in us-west1 (Oregon), without the free
 * allowances of each month. Read from copies of the pages named here; look at the pages before you rely on them.
 */
export const READ_ON = '2026-11-29';
export const REGION = 'us-west1 (Oregon)';

const MILLION = 1e6;

/** https://cloud.google.com/run/pricing: services billed by request, regions of tier 1. */
export const CLOUD_RUN = {
  perProcessorSecond: 0.000_024,
  perGibSecond: 0.000_002_5,
  perRequest: 0.4 / MILLION,
} as const;

/** https://cloud.google.com/pubsub/pricing: publishing and pushing alike. */
export const PUBSUB = {
  perByte: 40 / 2 ** 40,
  /** Of each request to publish or to push. */
  leastBytes: 1_000,
} as const;

/** https://cloud.google.com/firestore/pricing: Standard edition, Oregon. */
export const FIRESTORE = {
  perRead: 0.03 / 100_000,
  perWrite: 0.09 / 100_000,
} as const;

/** https://cloud.google.com/storage/pricing: class Standard in one region. */
export const STORAGE = {
  perGbMonth: 0.02,
  /** Class A. */
  perWrite: 0.005 / 1_000,
  /** Class B. */
  perRead: 0.0004 / 1_000,
} as const;

/** https://developers.google.com/workspace/drive/api/guides/limits: nothing within its quotas. */
export const DRIVE = 0;

export interface Peer {
  name: string;
  /** US dollars per minute of finished video, 1080p: from and to. */
  perMinute: readonly [number, number];
  /** What that price is. */
  plan: string;
  /** Where it was read. */
  source: string;
}

/** Prices that others publish, read in November 2026. None of them has a price for combinations: each video is one render. */
export const PEERS: readonly Peer[] = [
  {
    name: 'Remotion Lambda',
    perMinute: [0.017, 0.021],
    plan: 'computing alone, us-east-1',
    source: 'https://www.remotion.dev/docs/lambda/cost-example',
  },
  {
    name: 'Shotstack',
    perMinute: [0.195, 0.195],
    plan: '$39 for 200 minutes',
    source: 'https://json2video.com/how-to/shotstack-alternative',
  },
  {
    name: 'JSON2Video',
    perMinute: [0.249_75, 0.249_75],
    plan: '$49.95 for 200 minutes',
    source: 'https://json2video.com/how-to/shotstack-alternative',
  },
];
