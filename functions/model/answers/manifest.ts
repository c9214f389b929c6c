import type { FromSchema } from 'json-schema-to-ts';
import { STAGES } from '../../base/errors.ts';
import { joinFields } from './join.ts';
import { outcome } from './render.ts';
import { count, list, number, numberOrNull, object, text, textOrNull, time, warnings } from './shape.ts';

const seconds = number('Seconds.');

export const manifestRowSchema = object({
  ...outcome,
  bytes: numberOrNull('Size of the video.'),
  loudness_lufs: numberOrNull(
    'Integrated loudness of the encoded sound by EBU R128; null for silence and without a video.',
  ),
  true_peak_dbtp: numberOrNull('True peak of the encoded sound; null as above.'),
  stage_seconds: {
    type: 'object',
    description: 'How long each stage took.',
    additionalProperties: false,
    properties: Object.fromEntries(STAGES.map((stage) => [stage, seconds])) as Record<
      (typeof STAGES)[number],
      typeof seconds
    >,
  },
});
export type ManifestRow = FromSchema<typeof manifestRowSchema>;

export const manifestSchema = object(
  {
    task_id: text('A UUID.'),
    task_name: text('As posted.'),
    retry_of: textOrNull('The task that this one retries.'),
    created_at: time('When the task was accepted.'),
    completed_at: time('When it ended.'),
    combinations: count('All of them.'),
    succeeded: count('Combinations that became videos.'),
    failed: count('Combinations that failed for good.'),
    cancelled: count('Combinations that were cancelled.'),
    cost: object(
      {
        usd: number('In US dollars, by list prices or by those of the settings.'),
        speech_characters: count('Characters of the lines that this task bought.'),
        compute_seconds: number('Seconds of preparing and rendering, without waiting.'),
      },
      'An estimate of what the task cost.',
    ),
    seed: number('The same seed repeats the same choices.'),
    ...joinFields,
    metadata: { description: 'As posted; null without it.' },
    warnings,
    renders: list(manifestRowSchema, 'One per combination, in order. Secrets in URLs are masked.'),
  },
  'What became of every combination of a task.',
);
export type ManifestView = FromSchema<typeof manifestSchema>;
