import type { FromSchema } from 'json-schema-to-ts';
import { count, number, numberOrNull, object, orNull, text } from './shape.ts';

const backlog = object({
  waiting: count('Messages that are handled now or later.'),
  in_flight: count('Messages that are being handled.'),
  quarantined: count('Messages that were given up and could not be recorded as failures.'),
  oldest_seconds: numberOrNull(
    'Since the oldest of those that wait or are in flight was published; null if there are none.',
  ),
});
const places = object({
  used: count('Runs under way. Long ones come on top of the limit while others wait.'),
  limit: count('How many there may be at a time.'),
});
const disk = orNull(
  object({ free_bytes: count('Free for the service.'), total_bytes: count('Size of the disk.') }),
  'null while it cannot be measured.',
);

export const statsSchema = object(
  {
    version: text('Of the service.'),
    uptime_seconds: number('Since the process that answers was started.'),
    tasks: object(
      {
        unfinished: count('All of them.'),
        queued: count('Nothing has begun.'),
        preparing: count('Sources are being prepared.'),
        rendering: count('Videos are being made.'),
        cancelling: count('Their work is being stopped.'),
      },
      'Tasks that have not ended, by status, as far as it was looked at.',
    ),
    queue: orNull(
      object({
        prepare: backlog,
        render: backlog,
        complete: backlog,
        webhook: backlog,
        dead_letter: backlog,
      }),
      'Messages by topic; null in the cloud, where Pub/Sub has them.',
    ),
    places: orNull(
      object({
        downloaders: places,
        probers: places,
        decoders: places,
        encoders: places,
        mixers: places,
        savers: places,
      }),
      'What works at a time; null in the cloud, where each instance has its own.',
    ),
    disk: orNull(object({ data: disk, output: disk }), 'Of DATA_DIR and OUTPUT_DIR; null in the cloud.'),
    cache: orNull(
      object({ bytes: count('What prepared files take.'), limit_bytes: count('What they may take.') }),
      'On the disk of DATA_DIR; null in the cloud, and while it cannot be measured.',
    ),
    speech: object(
      {
        since: { type: 'string', format: 'date', description: 'First day of the month, UTC.' },
        characters_bought: count('Characters that a voice that costs was asked to speak.'),
        characters_saved: count('Characters of lines that had been spoken before.'),
      },
      'Of this month.',
    ),
  },
  'What the service is doing.',
);
export type StatsView = FromSchema<typeof statsSchema>;
