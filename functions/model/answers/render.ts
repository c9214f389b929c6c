import type { FromSchema } from 'json-schema-to-ts';
import { PERMANENT_CODES } from '../../base/codes.ts';
import { STAGES } from '../../base/errors.ts';
import { SIDE_FILE_KINDS } from '../report.ts';
import {
  count,
  list,
  nextCursor,
  number,
  numberOrNull,
  object,
  oneOf,
  orNull,
  text,
  textOrNull,
  url,
  warnings,
} from './shape.ts';
import { targetSchema } from './targets.ts';

export const RENDER_STATUSES = ['pending', 'rendering', 'succeeded', 'failed', 'cancelled'] as const;
export type RenderStatus = (typeof RENDER_STATUSES)[number];

export const failureSchema = object({
  code: oneOf(PERMANENT_CODES, 'What went wrong; codes are stable.'),
  message: text('What was expected and what was found.'),
  stage: oneOf(STAGES, 'Where it went wrong.'),
  hint: text('What to do.'),
});
export type FailureView = FromSchema<typeof failureSchema>;

const choices = {
  index: count('Number of the video, from 1.'),
  combination: count('Number of the combination, from 1: its videos in several formats share it.'),
  format: textOrNull('Name of the format; null if there is only one.'),
  language: textOrNull('Language of the spoken line; null: not said.'),
  group: textOrNull('Group of the spoken line; null: none.'),
  clips: list({ type: 'string' }, 'URLs of the clips, one per block.'),
  clip_names: list({ type: 'string' }, 'What file names call the clips, one per block.'),
  track: textOrNull('URL of the music; null: none.'),
  track_name: textOrNull('What file names call the music; null: none.'),
  voice: textOrNull('The voice; null: no line is spoken.'),
  text: textOrNull('The spoken line.'),
};

export const choicesSchema = object(choices, 'One video of a plan.');
export type ChoicesView = FromSchema<typeof choicesSchema>;

export const sideFileSchema = object({
  kind: oneOf(SIDE_FILE_KINDS, 'What it is.'),
  file_name: text('Name in the output folder.'),
  url: text('Where it is: a file: or https: URL.'),
  bytes: count('Its size.'),
});

/** Fields of a combination, beside which others may stand. */
export const outcome = {
  ...choices,
  status: oneOf(RENDER_STATUSES, 'How far the video is.'),
  file_name: text('Name in the output folder, known from the start.'),
  url: textOrNull('Where the finished video is: a file: or https: URL; null until it is saved.'),
  duration_seconds: numberOrNull('Length of the video.'),
  render_seconds: numberOrNull('How long it took to make.'),
  attempts: count('How often the work was started.'),
  warnings,
  targets: list(
    targetSchema,
    'Checks for the targets of the task; empty without them and until it is saved.',
  ),
  files: list(sideFileSchema, 'Files beside the video: its cover and its captions.'),
  error: orNull(failureSchema),
};

/** One combination as the manifest shows it. */
const outcomeSchema = object(outcome);
export type RenderOutcome = FromSchema<typeof outcomeSchema>;

export const renderSchema = object(
  {
    ...outcome,
    links: object({
      self: url('This combination.'),
      video: { ...url('The finished video.'), type: ['string', 'null'] as const },
    }),
  },
  'One combination and what became of it.',
);
export type RenderView = FromSchema<typeof renderSchema>;

export const renderListSchema = object({ renders: list(renderSchema), next_cursor: nextCursor });
export type RenderList = FromSchema<typeof renderListSchema>;

export const selectionSchema = object(
  {
    possible: count('Combinations of clips without rules and limit.'),
    allowed: count('Those that the rules allow.'),
    chosen: count('Those that are made: all that are allowed, or an even sample of them.'),
    tracks: count('How many tracks each of them gets.'),
    lines: count('How many lines each of these gets.'),
    formats: count('In how many formats each of these is made.'),
    videos: count('The product of the last four.'),
    blocks: list(
      object({
        name: text('As posted.'),
        clips: list(
          object({
            name: text('What the rules call it.'),
            uses: count('Chosen combinations of clips that it is in.'),
          }),
          'In the order of the request.',
        ),
      }),
      'In the order of the request.',
    ),
  },
  'What is made, and how often each clip is used.',
);

export const estimateSchema = object(
  {
    speech_characters: count(
      'Of the lines to speak, each of them once. Those that were bought before cost nothing.',
    ),
    speech_usd: number('Price of these characters, in US dollars; 0 for a voice of this machine.'),
    sources: count('Clips, tracks, lines and pictures to make ready.'),
    clips: count('Clips among them.'),
    encodes: count(
      'At most so many clips are encoded: each in every format, and once more for burned captions.',
    ),
    usd_per_compute_hour: number('Price of an hour of encoding, in US dollars.'),
  },
  'What the task takes at most, by what is known before any URL is opened.',
);
export type EstimateView = FromSchema<typeof estimateSchema>;

export const planSchema = object(
  {
    dry_run: { const: true },
    task_name: text('As posted.'),
    combinations: count('How many videos are made.'),
    seed: number('Post it without dry_run to get exactly this plan.'),
    warnings,
    selection: orNull(selectionSchema, 'On the first page; null on further ones.'),
    estimate: orNull(estimateSchema, 'On the first page; null on further ones.'),
    renders: list(choicesSchema),
    next_cursor: nextCursor,
  },
  'The answer to a dry run.',
);
export type PlanView = FromSchema<typeof planSchema>;
