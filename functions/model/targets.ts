/** Platforms that a video can be checked for. */
export const TARGETS = ['reels', 'tiktok', 'shorts', 'demand_gen'] as const;
export type Target = (typeof TARGETS)[number];
