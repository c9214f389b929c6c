import { voiceListSchema } from '../../model/answers/voice.ts';
import { MAX_NAME } from '../../model/fields/sources.ts';
import { VOICES_PAGE } from '../examples.ts';
import { CURSOR, LIMIT, type Route } from '../route.ts';
import { getPreview, listVoices, type VoicesDeps } from '../voices.ts';

export const VOICES: readonly Route<VoicesDeps>[] = [
  {
    name: 'voices',
    method: 'GET',
    path: '/voices',
    tag: 'Voices',
    summary: 'List the voices that lines may name',
    description:
      'Those of the ElevenLabs account, kept for a minute, the speakers of the neural voice, or those of the built-in voice. The ' +
      'first page may have more than limit, as ElevenLabs adds voices of its own.',
    query: {
      search: {
        description: 'Only voices with this in their name or labels; left out: all.',
        schema: { type: 'string', maxLength: MAX_NAME },
      },
      limit: LIMIT,
      cursor: CURSOR,
    },
    answers: { 200: { description: 'A page of voices.', schema: voiceListSchema, example: VOICES_PAGE } },
    codes: ['voices_unavailable'],
    answer: ({ request, query }, deps) => listVoices(request, query, deps),
  },
  {
    name: 'voice-preview',
    method: 'GET',
    path: '/voices/{voice_id}/preview',
    tag: 'Voices',
    summary: 'Listen to a voice',
    description: 'A short sample. It costs nothing, and comes from this service alone.',
    parameters: {
      voice_id: { description: 'The id of a voice of GET /voices.', schema: { type: 'string' } },
    },
    answers: {
      200: {
        description: 'The sound.',
        media: ['audio/mpeg', 'audio/wav'],
        headers: {
          'Content-Length': { description: 'Bytes of the sound.', schema: { type: 'integer' } },
          'Cache-Control': { description: 'For an hour, in one browser.', schema: { type: 'string' } },
        },
      },
    },
    codes: ['voices_unavailable'],
    answer: ({ request, path }, deps) => getPreview(request, path['voice_id'] as string, deps),
  },
];
