/** Reads whether ElevenLabs speaks the lines, and with which model, format and voice settings. */
import type { VoiceSettings } from '../model/voice-settings.ts';
import type { SettingsReader } from './settings-reader.ts';

export interface ElevenLabsChoice {
  /** Empty in functions that speak no lines and only need to know which service does. */
  apiKey: string;
  /** Lists the voices. Empty where there is none. */
  voicesKey: string;
  model: string;
  /** The API's output_format. */
  format: string;
  voiceSettings: VoiceSettings | undefined;
}

/** Formats that ffmpeg recognizes by itself. The others are raw samples without a header. */
const FORMAT = /^(mp3|wav|opus)_\d+(_\d+)?$/;
/** The range that the API accepts; 1 is the voice's own speed. */
const SPEEDS = { least: 0.7, most: 1.2 };

export interface ElevenLabsOptions {
  /** Whether this process speaks lines, and so needs the key. */
  speaks: boolean;
  /** The setting SPEECH. */
  speech: string;
}

/** Undefined if another voice speaks. */
export function readElevenLabs(
  read: SettingsReader,
  { speaks, speech }: ElevenLabsOptions,
): ElevenLabsChoice | undefined {
  const apiKey = read.optional('ELEVENLABS_API_KEY', isKey);
  const voicesKey = read.optional('ELEVENLABS_VOICES_KEY', isKey);
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
  return {
    apiKey: apiKey ?? '',
    voicesKey: voicesKey ?? apiKey ?? '',
    model,
    format,
    voiceSettings: parseVoiceSettings(voiceSettings ?? ''),
  };
}

function isKey(value: string): boolean {
  return /^[\x21-\x7e]{8,}$/.test(value);
}

/** Undefined if the text is not valid JSON for voice settings. */
function parseVoiceSettings(text: string): VoiceSettings | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const { stability, similarity_boost, style, speed, use_speaker_boost, ...unknown } = parsed as Record<
    string,
    unknown
  >;
  const within = (value: unknown, least: number, most: number) =>
    value === undefined || (typeof value === 'number' && value >= least && value <= most);
  const valid =
    Object.keys(unknown).length === 0 &&
    within(stability, 0, 1) &&
    within(similarity_boost, 0, 1) &&
    within(style, 0, 1) &&
    within(speed, SPEEDS.least, SPEEDS.most) &&
    (use_speaker_boost === undefined || typeof use_speaker_boost === 'boolean');
  if (!valid) return undefined;
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
