/** What is used up and may cost money, counted for all processes and restarts together. */
import type { SpeechUsage } from '../model/usage.ts';

export interface UsageStore {
  /** prepare: counts characters in the current month. Counts nothing twice, except if a process dies right after it. */
  addSpeech(characters: Partial<Pick<SpeechUsage, 'bought' | 'saved'>>): Promise<void>;
  /** stats: of the current month. */
  speech(): Promise<SpeechUsage>;
}
