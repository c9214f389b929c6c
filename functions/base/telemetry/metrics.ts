/** Counts and measures. Costs next to nothing until a host starts OpenTelemetry's SDK (adapters/opentelemetry/). */
import { type Counter, type Histogram, type Meter, type MeterProvider, metrics } from '@opentelemetry/api';
import { VERSION } from '../version.ts';
import {
  type AttributesOf,
  type CounterName,
  type GaugeName,
  type HistogramName,
  INSTRUMENTS,
  type InstrumentName,
} from './instruments.ts';

/** Of the code that measures, in all metrics and spans. */
export const SCOPE = 'every-cut';

interface Made {
  provider: MeterProvider;
  meter: Meter;
  counters: Map<string, Counter>;
  histograms: Map<string, Histogram>;
}

let made: Made | undefined;

/** Instruments belong to the provider that is set when they are made, so they are made anew for another one. */
function current(): Made {
  const provider = metrics.getMeterProvider();
  if (made?.provider !== provider) {
    const meter = provider.getMeter(SCOPE, VERSION);
    made = { provider, meter, counters: new Map(), histograms: new Map() };
  }
  return made;
}

export function add<N extends CounterName>(name: N, value: number, attributes: AttributesOf<N> = {}): void {
  const { meter, counters } = current();
  const counter = counters.get(name) ?? meter.createCounter(name, optionsOf(name));
  counters.set(name, counter);
  counter.add(value, known(attributes));
}

export function record<N extends HistogramName>(
  name: N,
  value: number,
  attributes: AttributesOf<N> = {},
): void {
  const { meter, histograms } = current();
  const histogram =
    histograms.get(name) ??
    meter.createHistogram(name, {
      ...optionsOf(name),
      advice: { explicitBucketBoundaries: [...INSTRUMENTS[name].buckets] },
    });
  histograms.set(name, histogram);
  histogram.record(value, known(attributes));
}

export interface Observed<N extends InstrumentName> {
  value: number;
  attributes?: AttributesOf<N>;
}

/** Reads a gauge, or a count that is kept elsewhere, whenever metrics are collected, until it is disposed of. */
export function observe<N extends GaugeName | CounterName>(
  name: N,
  read: () => readonly Observed<N>[] | Promise<readonly Observed<N>[]>,
): Disposable {
  const { meter } = current();
  const gauge =
    INSTRUMENTS[name].kind === 'gauge'
      ? meter.createObservableGauge(name, optionsOf(name))
      : meter.createObservableCounter(name, optionsOf(name));
  const callback: Parameters<typeof gauge.addCallback>[0] = async (result) => {
    for (const { value, attributes = {} } of await read()) result.observe(value, known(attributes));
  };
  gauge.addCallback(callback);
  return { [Symbol.dispose]: () => gauge.removeCallback(callback) };
}

type Known = Record<string, string | number>;

function optionsOf(name: InstrumentName) {
  const { unit, about } = INSTRUMENTS[name];
  return { unit, description: about };
}

/** In nearly all cases all of them are, and a copy costs more than to look. */
function known(attributes: Readonly<Record<string, string | number | undefined>>) {
  for (const name in attributes) {
    if (attributes[name] === undefined)
      return Object.fromEntries(
        Object.entries(attributes).filter(([, value]) => value !== undefined),
      ) as Known;
  }
  return attributes as Known;
}
