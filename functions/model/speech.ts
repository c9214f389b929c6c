export interface Spoken {
  /** WAV, MP3 or any other format that ffmpeg's audio demuxers read. */
  audio: Uint8Array;
  /** When each word is spoken, in seconds; null if the voice does not say. */
  timing: { text: string; start: number; end: number }[] | null;
}
