/** The voices of the provider that speaks lines, to choose from and to listen to. Asking costs nothing. */
import type { Speaker } from '../model/speech.ts';
import type { VoicePage, VoiceQuery, VoiceSample } from '../model/voice.ts';

export interface VoiceCatalog {
  readonly provider: Speaker['provider'];
  /** Whether a line may name any other voice, too. */
  readonly anyName: boolean;
  /** A remark for people, such as why there are none; null: nothing to say. */
  readonly note: string | null;
  /** Undefined if the cursor is not one of its own. Throws PermanentError and TransientError. */
  list(query: VoiceQuery, signal: AbortSignal): Promise<VoicePage | undefined>;
  /** Undefined if there is no such voice, or no sample of it. Throws PermanentError and TransientError. */
  preview(voice: string, signal: AbortSignal): Promise<VoiceSample | undefined>;
}
