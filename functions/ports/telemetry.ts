/** Telemetry: what a host gives out about its work, besides the log. */

export interface Telemetry extends AsyncDisposable {
  /** All metrics, for Prometheus; undefined where nobody can ask for them. */
  readonly metricsText: (() => Promise<string>) | undefined;
  /**
   * Sends what is there, where it is sent at all. Called before a function answers, because afterwards it may get no
   * processor time. Takes a few seconds at most, and never rejects.
   */
  flush(): Promise<void>;
}
