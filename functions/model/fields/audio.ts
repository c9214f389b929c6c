/** Fields of requests: how music, voice and the clips' own sound are mixed. */
import { DEFAULT_FADE_IN_SECONDS, DEFAULT_FADE_OUT_SECONDS, DEFAULT_LOUDNESS } from '../plan.ts';

const fade = (where: string, usual: number) =>
  ({
    description: `How long the music fades at its ${where}.`,
    type: 'number',
    minimum: 0,
    maximum: 60,
    expected: 'seconds from 0 to 60',
    hint: `Leave it out for ${usual}.`,
  }) as const;

export const audioField = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  expected:
    'an object with original_volume, duck, voice_offset_seconds, loudness, music_db, music_fade_in_seconds, ' +
    'music_fade_out_seconds',
  hint: 'Leave it out for music and voice alone, the music ducked under the voice.',
  properties: {
    original_volume: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      expected: 'a volume from 0 to 1',
      hint: "0 drops the clips' own sound, 1 keeps it as it is.",
    },
    duck: {
      type: 'boolean',
      expected: 'true or false',
      hint: 'true brings the music down while the voice speaks.',
    },
    voice_offset_seconds: {
      description: 'When the voice begins.',
      type: 'number',
      minimum: 0,
      maximum: 600,
      expected: 'seconds from 0 to 600',
      hint: 'Leave it out for a voice from the start.',
    },
    loudness: {
      description: 'What the whole video is brought to, in LUFS; null keeps the parts at their own levels.',
      type: ['number', 'null'],
      minimum: -40,
      maximum: -9,
      expected: 'a loudness from -40 to -9 LUFS, or null',
      hint: `Leave it out for ${DEFAULT_LOUDNESS}, at which platforms play videos.`,
    },
    music_db: {
      description: "Gain on the music's level.",
      type: 'number',
      minimum: -40,
      maximum: 20,
      expected: 'decibels from -40 to 20',
      hint: 'Leave it out for 0. A negative number makes the music quieter.',
    },
    music_fade_in_seconds: fade('beginning', DEFAULT_FADE_IN_SECONDS),
    music_fade_out_seconds: fade('end', DEFAULT_FADE_OUT_SECONDS),
  },
} as const;
