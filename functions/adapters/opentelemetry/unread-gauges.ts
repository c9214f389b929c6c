import { AggregationTemporality, type IMetricReader, InstrumentType } from '@opentelemetry/sdk-metrics';

/**
 * The SDK repeats the last value of a gauge that was not read this time, such as that of a disk that is gone, unless its
 * temporality is delta. Otherwise gauges have none.
 */
export function withoutUnreadGauges(reader: IMetricReader): IMetricReader {
  const select = reader.selectAggregationTemporality.bind(reader);
  reader.selectAggregationTemporality = (type) =>
    type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : select(type);
  return reader;
}
