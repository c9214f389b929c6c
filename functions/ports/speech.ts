/** The provider that speaks lines. */
import type { Line } from '../model/plan.ts';
import type { Speaker, Spoken } from '../model/speech.ts';

export interface Speech {
  readonly speaker: Speaker;
  /** A warning for callers about this voice, or null. */
  readonly notice: string | null;
  /** Whether it says when it speaks each word. Otherwise the times of captions are estimated. */
  readonly timed: boolean;
  /**
   * How many lines may be spoken at the same time by all processes together, as far as known; null means no limit. Read
   * before each line.
   */
  readonly atOnce: number | null;
  /** Whether this process speaks one line after the other; its tasks are then served in turn. */
  readonly oneAtATime: boolean;
  /**
   * Everything that determines the sound, except the text: provider, voice, model, settings. May ask the provider which
   * voice has that name. Throws PermanentError if none or more than one has it, and TransientError.
   */
  identity(line: Line, signal: AbortSignal): Promise<readonly string[]>;
  /** May cost money: called once per identity and text, and the result is stored before anything else is done. */
  speak(line: Line, signal: AbortSignal): Promise<Spoken>;
}
