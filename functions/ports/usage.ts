/** What is used up and may cost money, counted for all processes and restarts together. */
import type { SpeechUsage } from '../model/usage.ts';

export interface UsageStore {
  /**
   * prepare: adds characters to the current month. A call that fails may have counted, if the answer of the store was lost:
   * these are numbers for people, not for bills.
   */
  addSpeech(characters: Partial<Pick<SpeechUsage, 'bought' | 'saved'>>): Promise<void>;
  /** stats: of the current month. */
  speech(): Promise<SpeechUsage>;
}
