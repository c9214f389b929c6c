export interface Spoken {
  /** WAV, MP3: anything ffmpeg's audio demuxers know. */
  audio: Uint8Array;
  /** When each word is said, seconds, where the voice tells. */
  timing: { text: string; start: number; end: number }[] | null;
}
