/**
 * What platforms write about videos that they take, as dated constants. A limit is `missed` if a video does not keep it;
 * what a platform only advises, and what is mere convention, gets a `note`: nobody refuses a video for it.
 *
 * Not here: what cannot be told without decoding the picture (black, frozen, blurred), and rules about content.
 */
import type { Target } from './targets.ts';

/** Stable names of the checks, in the order in which they are shown. */
export const CHECK_IDS = [
  'edit_lists',
  'index_first',
  'codec',
  'profile',
  'chroma',
  'progressive',
  'pixel_aspect',
  'columns',
  'size',
  'aspect_ratio',
  'shape',
  'fps',
  'bitrate',
  'bitrate_advice',
  'bitrate_peak',
  'gop',
  'length',
  'length_advice',
  'file_size',
  'sound',
  'audio_codec',
  'sample_rate',
  'channels',
  'audio_bitrate',
  'loudness',
  'true_peak',
] as const;
export type CheckId = (typeof CHECK_IDS)[number];

/** Width and height. */
export type Size = readonly [width: number, height: number];

/** One of the conditions, or `least` and `most` together. Units are those of VideoFacts. */
export interface Rule {
  id: CheckId;
  /** What it means if a video does not keep it. */
  otherwise: 'note' | 'missed';
  least?: number;
  most?: number;
  oneOf?: readonly (string | number)[];
  /** The smallest pictures; that of the nearest shape counts. */
  sizes?: readonly Size[];
  /** Of the picture, as a ratio of whole numbers. */
  shapes?: readonly Size[];
}

export interface TargetLimits {
  /** As people call the place. */
  title: string;
  sources: readonly LimitSource[];
  rules: readonly Rule[];
}

export interface LimitSource {
  /** The page of the platform. */
  page: string;
  /** When it was read, ISO 8601. */
  read: string;
  /** Where the figures were read, if not on the page itself. */
  copy?: string;
}

const READ = '2026-11-28';
const MEGA = 1_000_000;
const GIGA = 1_000 * MEGA;

/** No platform of these publishes a figure for ads. Music services play at -14 LUFS, and AAC overshoots below -1 dBTP. */
const CONVENTIONS: readonly Rule[] = [
  { id: 'loudness', otherwise: 'note', least: -15, most: -13 },
  { id: 'true_peak', otherwise: 'note', most: -1 },
];

const SHORTS_PAGE = 'https://support.google.com/youtube/answer/15424877';
const YOUTUBE: LimitSource = { page: 'https://support.google.com/youtube/answer/1722171', read: READ };
/** The page calls all of it recommended, and takes far more. Of edit lists it says that videos may not be processed right. */
const YOUTUBE_RULES: readonly Rule[] = [
  { id: 'edit_lists', otherwise: 'missed', oneOf: ['no edit lists'] },
  { id: 'index_first', otherwise: 'missed', oneOf: ['moov first'] },
  { id: 'codec', otherwise: 'missed', oneOf: ['H.264'] },
  { id: 'profile', otherwise: 'note', oneOf: ['High'] },
  { id: 'chroma', otherwise: 'note', oneOf: ['4:2:0'] },
  { id: 'progressive', otherwise: 'missed', oneOf: ['progressive'] },
  { id: 'pixel_aspect', otherwise: 'note', oneOf: ['1:1'] },
  { id: 'gop', otherwise: 'note', most: 0.5 },
  { id: 'file_size', otherwise: 'missed', most: 256 * GIGA },
  { id: 'audio_codec', otherwise: 'missed', oneOf: ['AAC-LC'] },
  { id: 'sample_rate', otherwise: 'missed', oneOf: [48_000, 96_000] },
  { id: 'channels', otherwise: 'missed', oneOf: [2, 6] },
  { id: 'audio_bitrate', otherwise: 'note', least: 384_000 },
  ...CONVENTIONS,
];

export const TARGET_LIMITS: Readonly<Record<Target, TargetLimits>> = {
  reels: {
    title: 'Instagram Reels, through its API',
    sources: [
      {
        page: 'https://developers.facebook.com/docs/instagram-api/reference/ig-user/media',
        read: READ,
        copy: 'quoted by justin.searls.co and ayrshare.com; other quotes say 1 GB and 5 Mbit/s',
      },
    ],
    rules: [
      { id: 'edit_lists', otherwise: 'missed', oneOf: ['no edit lists'] },
      { id: 'index_first', otherwise: 'missed', oneOf: ['moov first'] },
      { id: 'codec', otherwise: 'missed', oneOf: ['H.264', 'HEVC'] },
      { id: 'chroma', otherwise: 'missed', oneOf: ['4:2:0'] },
      { id: 'progressive', otherwise: 'missed', oneOf: ['progressive'] },
      { id: 'columns', otherwise: 'missed', most: 1920 },
      { id: 'aspect_ratio', otherwise: 'missed', least: 0.01, most: 10 },
      { id: 'shape', otherwise: 'note', shapes: [[9, 16]] },
      { id: 'fps', otherwise: 'missed', least: 23, most: 60 },
      { id: 'bitrate', otherwise: 'missed', most: 25 * MEGA },
      { id: 'bitrate_peak', otherwise: 'note', most: 25 * MEGA },
      { id: 'length', otherwise: 'missed', least: 3, most: 900 },
      { id: 'file_size', otherwise: 'missed', most: 300 * MEGA },
      { id: 'audio_codec', otherwise: 'missed', oneOf: ['AAC-LC'] },
      { id: 'sample_rate', otherwise: 'missed', most: 48_000 },
      { id: 'channels', otherwise: 'missed', oneOf: [1, 2] },
      { id: 'audio_bitrate', otherwise: 'note', most: 128_000 },
      ...CONVENTIONS,
    ],
  },
  tiktok: {
    title: 'TikTok in-feed ads, by auction',
    sources: [
      { page: 'https://ads.tiktok.com/help/article/tiktok-auction-in-feed-ads', read: READ },
      { page: 'https://ads.tiktok.com/help/article?aid=10002745', read: READ },
    ],
    rules: [
      {
        id: 'size',
        otherwise: 'missed',
        sizes: [
          [540, 960],
          [640, 640],
          [960, 540],
        ],
      },
      {
        id: 'shape',
        otherwise: 'note',
        shapes: [
          [9, 16],
          [1, 1],
          [16, 9],
        ],
      },
      { id: 'bitrate', otherwise: 'missed', least: 516_000 },
      // This and the advice on the length are of the page on reservations (the second one): that on auctions has none.
      { id: 'bitrate_advice', otherwise: 'note', least: 2_500_000 },
      { id: 'length', otherwise: 'missed', most: 600 },
      { id: 'length_advice', otherwise: 'note', least: 5, most: 60 },
      { id: 'file_size', otherwise: 'missed', most: 500 * MEGA },
      { id: 'sound', otherwise: 'missed', oneOf: ['sound'] },
      ...CONVENTIONS,
    ],
  },
  shorts: {
    title: 'YouTube Shorts',
    sources: [
      YOUTUBE,
      { page: SHORTS_PAGE, read: '2026-11-29', copy: 'copied by google-support.mirrorblogs.com' },
    ],
    rules: [
      ...YOUTUBE_RULES,
      // Otherwise it is an ordinary video, not a Short.
      { id: 'aspect_ratio', otherwise: 'missed', most: 1 },
      { id: 'shape', otherwise: 'note', shapes: [[9, 16]] },
      { id: 'length', otherwise: 'missed', most: 180 },
    ],
  },
  demand_gen: {
    title: 'Google Ads Demand Gen, uploaded to YouTube',
    sources: [
      YOUTUBE,
      { page: 'https://support.google.com/google-ads/answer/17141078', read: READ },
      { page: 'https://support.google.com/google-ads/answer/13547298', read: READ },
    ],
    rules: [
      ...YOUTUBE_RULES,
      {
        id: 'size',
        otherwise: 'note',
        sizes: [
          [1080, 1920],
          [1080, 1350],
          [1080, 1080],
          [1920, 1080],
        ],
      },
      {
        id: 'shape',
        otherwise: 'note',
        shapes: [
          [9, 16],
          [4, 5],
          [1, 1],
          [16, 9],
        ],
      },
      { id: 'length', otherwise: 'missed', least: 5 },
    ],
  },
};
