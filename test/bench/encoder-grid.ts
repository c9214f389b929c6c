/** The encoder settings to measure: the product's own, changed in one respect at a time. */
import { ENCODING, type Encoding } from '../../functions/media/encoding.ts';

export interface Variant {
  /** What differs, in x264's terms; `crf` comes last. */
  name: string;
  encoding: Encoding;
  threads: number;
}

const THREADS = 2;
const PRESETS = ['superfast', 'veryfast', 'faster', 'fast'];
const CRFS = [18, 20, 22, 23];
const CHANGES: Readonly<Record<string, readonly string[]>> = {
  'lookahead 0': ['rc-lookahead=0'],
  'lookahead 20': ['rc-lookahead=20'],
  'lookahead 40': ['rc-lookahead=40'],
  'mbtree off': ['mbtree=0'],
  'aq-mode 2': ['aq-mode=2'],
  'aq-mode 3': ['aq-mode=3'],
  // Changes the stream header, so its clips cannot be joined to those of the product.
  'refs 1': ['ref=1'],
};

/** The product's own settings. They come first in the grid. */
export const TODAY: Variant = { name: named(ENCODING), encoding: ENCODING, threads: THREADS };

/** Today's settings, and from the rest of the grid those whose name contains one of the texts; all without a text. */
export function variants(only: readonly string[]): Variant[] {
  const wanted = (name: string) => only.length === 0 || only.some((text) => name.includes(text));
  const all = [...presets(), ...changes(), ...tunes(), ...small()];
  return [TODAY, ...all.filter(({ name }) => name !== TODAY.name && wanted(name))];
}

/** Variants that differ only in CRF belong to one family. */
export function familyOf({ name }: Variant): string {
  return name.replace(/ crf \d+$/, '');
}

function presets(): Variant[] {
  const grid = PRESETS.flatMap((preset) => CRFS.map((crf) => variant({ preset, crf })));
  return [...grid, variant({ preset: 'medium', crf: ENCODING.crf })];
}

function changes(): Variant[] {
  const ofToday = Object.entries(CHANGES).map(([change, x264]) => variant({ ...ENCODING, x264 }, change));
  return [...ofToday, variant({ preset: 'superfast', crf: 20, x264: ['mbtree=1'] }, 'mbtree on')];
}

function tunes(): Variant[] {
  return ['film', 'grain'].map((tune) => variant({ ...ENCODING, tune }, `tune ${tune}`));
}

/** For machines with little memory. */
function small(): Variant[] {
  return [{ ...variant(ENCODING, 'threads 1'), threads: 1 }];
}

function variant(encoding: Encoding, change?: string): Variant {
  return { name: named(encoding, change), encoding, threads: THREADS };
}

function named({ preset, crf }: Encoding, change?: string): string {
  return `${preset}${change === undefined ? '' : `, ${change}`} crf ${crf}`;
}
