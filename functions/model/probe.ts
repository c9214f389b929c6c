import type { FrameRate } from './frame-rate.ts';

/** The result of probing a file. */
export interface Probe {
  /** Duration in the container's header, seconds; null if it has none. */
  seconds: number | null;
  video: {
    /** As displayed, after rotation and sample aspect ratio. */
    width: number;
    height: number;
    /** The nearest standard rate, or the measured one. */
    rate: FrameRate;
    /** When the first frame is shown, seconds. */
    start: number;
    /**
     * Every frame is less than half a frame away from a grid of `rate` that starts at `start`. Phones are off by
     * milliseconds and containers round to them, which is no reason to repeat or drop a frame.
     */
    steady: boolean;
    /** A single picture without a duration. */
    still: boolean;
    /** Index of the stream in the file. */
    stream: number;
    /** As ffmpeg names it. */
    codec: string;
    /** Duration by the timestamps of the packets, without their leaps. */
    seconds: number;
    /** For how many of these the last picture is repeated at the end. */
    held: number;
    /** Where the timestamps leap by so many seconds, although nothing is missing in between: all from `at` on are too late. */
    leaps: readonly { at: number; by: number }[];
    /** The timestamps begin anew, because a second recording was joined to the first. */
    restarts: boolean;
    /**
     * By how many seconds it begins later than the sound, if each must be read without the other because the times of the
     * sound would disturb those of the picture. Null if they are read together.
     */
    later: number | null;
    /** Pictures that are shown. */
    packets: number;
    /** Pictures that must be decoded, also those that an edit list cuts off. */
    decoded: number;
    /** Of one picture as stored, before sample aspect and rotation. */
    pixels: number;
    interlaced: boolean;
    /** Colour matrix in the stream's tags, or "bt601" if there is none and the codec has no other; null if it is not known. */
    matrix: string | null;
    /** The range of a picture without colours, or that it has black and white alone; null if it has colours. */
    gray: 'full' | 'limited' | 'one bit' | null;
    /** How a photo is to be turned before it is shown, as in EXIF: 1 (as it is) to 8. 1 for films, which ffmpeg turns itself. */
    orientation: number;
    /** The transfer function of a high dynamic range, which is tone-mapped; null: standard range. */
    hdr: 'pq' | 'hlg' | null;
    /** What decides whether its frames can be copied as they are. Missing in pins of earlier versions. */
    stored?: {
      /** First name of ffmpeg's demuxer, such as "mov" or "matroska". */
      container: string;
      /** Pixel format, such as "yuv420p". */
      pixels: string;
      /** Its tag says that samples go from 0 to 255. */
      fullRange: boolean;
      /** The file says how to turn or mirror it before it is shown. */
      turned: boolean;
      /** Samples are as wide as high, or no other shape is said. */
      square: boolean;
      /** Some packet carries more than its own bytes, such as another header. */
      sideData: boolean;
      /** The largest distance of a frame from its place, in frames, if the first one is on its own. */
      offGrid: number;
      /** Packets that are damaged, cut off by an edit list, or shown before 0. */
      cut: number;
    };
    /** Some of it may be transparent. */
    alpha: boolean;
    /** The decoder that keeps transparency, as ffmpeg's own decoders of VP8 and VP9 drop it; null: any decoder. */
    alphaDecoder: 'libvpx' | 'libvpx-vp9' | null;
  } | null;
  /** The sound that is used; null if there is no stream of sound. */
  audio: {
    /** Index of the stream in the file. */
    stream: number;
    /** Name of the codec, for people: as ffmpeg calls it, or else as the file does. */
    codec: string;
    /** Places of the channels as ffmpeg names them, such as "stereo" or "9 channels". */
    layout: string;
    /** When it ends by the timestamps of the packets. */
    seconds: number;
    /** Whether these say when it is heard. A bare stream has none of its own, and ffmpeg makes some up. */
    timed: boolean;
    /** Packets that an edit list cuts off: they are read, and become no sound. Missing in pins of earlier versions. */
    discarded?: number;
    /** Why it must not be decoded, with its codec; completes "got". Null if it may. */
    refused: string | null;
    /** Whether encryption is the reason for `refused`. */
    encrypted: boolean;
  } | null;
}
