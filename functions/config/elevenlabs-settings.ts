/** Whether ElevenLabs speaks, and how. */
import type { VoiceSettings } from '../model/voice-settings.ts';
import type { SettingsReader } from './settings-reader.ts';

export interface ElevenLabsChoice {
  /** Empty in a function that speaks nothing, and only tells who does. */
  apiKey: string;
  model: string;
  /** Their output_format. */
  format: string;
  voiceSettings: VoiceSettings | undefined;
}

/** What ffmpeg can open without being told what it is. */
const FORMAT = /^(mp3|wav|opus)_\d+(_\d+)?$/;
/** Times as fast as the voice: what their API takes. */
const SPEEDS = { least: 0.7, most: 1.2 };

/**
 * Undefined where the built-in voice speaks.
 * @param speaks whether lines are spoken in this process
 */
export function readElevenLabs(read: SettingsReader, speaks: boolean): ElevenLabsChoice | undefined {
  const speech = read.text('SPEECH', 'auto', /^(auto|elevenlabs|espeak)$/);
  const apiKey = read.optional('ELEVENLABS_API_KEY', (value) => /^[\x21-\x7e]{8,}$/.test(value));
  const model = read.text('ELEVENLABS_MODEL', 'eleven_multilingual_v2', /^[\w.-]+$/);
  const format = read.text('ELEVENLABS_FORMAT', 'mp3_44100_128', FORMAT);
  const voiceSettings = read.optional(
    'ELEVENLABS_VOICE_SETTINGS',
    (text) => parseVoiceSettings(text) !== undefined,
  );
  const isChosen = speech === 'elevenlabs' || (speech === 'auto' && apiKey !== undefined);
  if (isChosen && speaks && apiKey === undefined && !read.failed('ELEVENLABS_API_KEY')) {
    read.problem('ELEVENLABS_API_KEY: expected a key because SPEECH is elevenlabs, got nothing.');
  }
  if (!isChosen) return undefined;
  return { apiKey: apiKey ?? '', model, format, voiceSettings: parseVoiceSettings(voiceSettings ?? '') };
}

/** Undefined for what is no such JSON. */
function parseVoiceSettings(text: string): VoiceSettings | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return undefined;
  const { stability, similarity_boost, style, speed, use_speaker_boost, ...unknown } = found as Record<
    string,
    unknown
  >;
  const within = (value: unknown, least: number, most: number) =>
    value === undefined || (typeof value === 'number' && value >= least && value <= most);
  const sound =
    Object.keys(unknown).length === 0 &&
    within(stability, 0, 1) &&
    within(similarity_boost, 0, 1) &&
    within(style, 0, 1) &&
    within(speed, SPEEDS.least, SPEEDS.most) &&
    (use_speaker_boost === undefined || typeof use_speaker_boost === 'boolean');
  if (!sound) return undefined;
  const settings = {
    stability,
    similarityBoost: similarity_boost,
    style,
    speed,
    useSpeakerBoost: use_speaker_boost,
  };
  return Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as VoiceSettings;
}
