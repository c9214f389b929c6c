/** Absent fields use the voice's own settings: https://elevenlabs.io/docs/api-reference/voices/settings/get */
export interface VoiceSettings {
  /** 0 to 1. */
  stability?: number;
  /** 0 to 1. */
  similarityBoost?: number;
  /** 0 to 1. */
  style?: number;
  /** 0.7 to 1.2; 1 is the voice's normal speed. */
  speed?: number;
  useSpeakerBoost?: boolean;
}
