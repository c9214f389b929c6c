/** What speech and computing cost here, for the estimated cost of tasks. */
import type { Prices } from '../model/cost.ts';
import type { ElevenLabsChoice } from './elevenlabs-settings.ts';
import type { SettingsReader } from './settings-reader.ts';

/** List prices of ElevenLabs in 2026, for 1,000 characters of text, whatever that is in its credits. */
const FAST_MODEL = /flash|turbo/;
const SPEECH_USD = { fast: 0.05, other: 0.1 };

/** Of the instances that infra/cloud/shared.sh deploys. */
const INSTANCES = {
  prepare: { processors: 2, gib: 4 },
  render: { processors: 1, gib: 2 },
} as const satisfies Record<keyof Prices['perHour'], { processors: number; gib: number }>;
/** https://cloud.google.com/run/pricing: billed by request, regions of tier 1, November 2026. */
const PROCESSOR_SECOND_USD = 0.000_024;
const GIB_SECOND_USD = 0.000_002_5;

const AMOUNT = /^\d{1,6}(\.\d{1,6})?$/;

export interface PriceOptions {
  /** Undefined: the built-in voice. */
  elevenLabs: Pick<ElevenLabsChoice, 'model'> | undefined;
  inCloud: boolean;
}

export function readPrices(read: SettingsReader, { elevenLabs, inCloud }: PriceOptions): Prices {
  const amount = (name: string): number | undefined => {
    const text = read.text(name, 'auto', new RegExp(`^auto$|${AMOUNT.source}`));
    return text === 'auto' ? undefined : Number(text);
  };
  const perHour = amount('COMPUTE_USD_PER_HOUR');
  const hourOf = (name: keyof typeof INSTANCES) => perHour ?? (inCloud ? instanceHour(INSTANCES[name]) : 0);
  return {
    speechPer1000: amount('SPEECH_USD_PER_1000_CHARACTERS') ?? speechPrice(elevenLabs),
    perHour: { prepare: hourOf('prepare'), render: hourOf('render') },
  };
}

function speechPrice(elevenLabs: PriceOptions['elevenLabs']): number {
  if (elevenLabs === undefined) return 0;
  return FAST_MODEL.test(elevenLabs.model) ? SPEECH_USD.fast : SPEECH_USD.other;
}

function instanceHour({ processors, gib }: { processors: number; gib: number }): number {
  return 3_600 * (processors * PROCESSOR_SECOND_USD + gib * GIB_SECOND_USD);
}
