/** What has been used since the beginning of a month. */
export interface SpeechUsage {
  /** First day of the month, UTC, as "2026-11-01". */
  since: string;
  /** Characters that a voice that costs was asked to speak. */
  bought: number;
  /** Characters of lines that had been spoken before. */
  saved: number;
}

/** First day of the month, UTC, as "2026-11-01". @param at milliseconds since the epoch */
export function monthOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 7)}-01`;
}
