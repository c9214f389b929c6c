import type { FromSchema } from 'json-schema-to-ts';
import { flag, list, nextCursor, object, oneOf, text, textOrNull } from './shape.ts';

export const PROVIDERS = ['elevenlabs', 'neural', 'espeak'] as const;

export const voiceSchema = object(
  {
    id: text('What a line may name it by, in voice.'),
    name: text('For people.'),
    description: textOrNull('In the words of the provider; null: none.'),
    language: textOrNull('Of its samples; null: not said.'),
    labels: list({ type: 'string' }, 'Such as female or british; of a language, its other codes.'),
    preview: flag('Whether GET /voices/{voice_id}/preview has a sample.'),
  },
  'A voice to choose.',
);
export type VoiceView = FromSchema<typeof voiceSchema>;

export const voiceListSchema = object({
  provider: oneOf(PROVIDERS, 'Who speaks the lines.'),
  any_name: flag('Whether a line may name any other voice, too.'),
  note: textOrNull('A remark for people, such as why the list is empty; null: none.'),
  voices: list(voiceSchema),
  next_cursor: nextCursor,
});
export type VoiceList = FromSchema<typeof voiceListSchema>;
