/** Counts characters of speech: as a metric, in the log, and in the usage of the month. */
import type { Log } from '../base/log.ts';
import { add } from '../base/telemetry/metrics.ts';
import type { Line } from '../model/plan.ts';
import { charactersOf, type Speaker, type Spoken } from '../model/speech.ts';
import type { UsageStore } from '../ports/usage.ts';

export interface SpeechCountsDeps {
  speaker: Speaker;
  usage: UsageStore;
  log: Log;
}

export interface SpeechCounts {
  readonly speaker: Speaker;
  /** As soon as a line is spoken, because then it is paid for. */
  spoken(taskId: string, line: Line, spoken: Pick<Spoken, 'credits'>): void;
  /** Of a line that a task needs, and that had been spoken before. */
  saved(line: Line): void;
  /** Adds what was counted to the usage of the month. Never rejects. */
  keep(): Promise<void>;
}

export function createSpeechCounts({ speaker, usage, log }: SpeechCountsDeps): SpeechCounts {
  const { provider, model, isPaid } = speaker;
  let kept = { bought: 0, saved: 0 };

  function count(source: 'bought' | 'free' | 'saved', line: Line): number {
    const characters = charactersOf(line);
    add('every_cut.speech.characters', characters, {
      'every_cut.speech.provider': provider,
      'every_cut.speech.source': source,
    });
    return characters;
  }

  return {
    speaker,

    spoken(taskId, line, { credits }) {
      const characters = count(isPaid ? 'bought' : 'free', line);
      if (!isPaid) return;
      kept.bought += characters;
      const by = model === null ? provider : `${provider}, ${model}`;
      log.info(`Bought ${characters} characters of speech (${by})`, {
        event: 'speech.bought',
        task_id: taskId,
        characters,
        provider,
        model,
        ...(credits === null ? {} : { credits }),
      });
    },

    saved(line) {
      const characters = count('saved', line);
      if (isPaid) kept.saved += characters;
    },

    async keep() {
      const { bought, saved } = kept;
      if (bought + saved === 0) return;
      kept = { bought: 0, saved: 0 };
      try {
        await usage.addSpeech({ bought, saved });
      } catch {
        // The next line adds it. A store that fails is told of by those who cannot go on without it.
        kept = { bought: kept.bought + bought, saved: kept.saved + saved };
      }
    },
  };
}
