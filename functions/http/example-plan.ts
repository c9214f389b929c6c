/** The example of a dry run: a request with nearly every field, and its plan. */
import type { PlanView } from '../model/answers/render.ts';
import type { ProcessMediaRequest } from '../model/request-schema.ts';
import { choices, WARNINGS } from './examples.ts';

export const PLAN_REQUEST: ProcessMediaRequest = {
  task_name: 'spring sale',
  video_blocks: [
    {
      name: 'hooks',
      urls: [
        { url: 'https://example.com/hook-a.mp4', name: 'Dog', start_seconds: 1, end_seconds: 4.5, volume: 1 },
        'https://example.com/hook-b.mp4',
      ],
    },
    { name: 'bodies', urls: ['https://example.com/body-a.mp4', 'https://example.com/body-b.mp4'] },
  ],
  audio_blocks: [{ name: 'music', urls: ['https://example.com/song.mp3'] }],
  text_to_speech: [
    { text: 'Hello world', voice: 'Sarah', speed: 1.1, language: 'en', group: 'English' },
    { text: 'Hallo Welt', voice: 'Sarah', language: 'de', group: 'Deutsch' },
  ],
  output: {
    formats: ['9x16', { name: 'feed', width: 1080, height: 1440, fit: 'contain', background: '#ffffff' }],
    file_name: '{task}-{block:hooks}-body{n:bodies}-{language}',
    fps: 30,
    fit: 'contain',
    background: '#1a2b3c',
    still_seconds: 4,
    reencode: false,
    edit_lists: false,
  },
  audio: {
    original_volume: 0.2,
    duck: true,
    voice_offset_seconds: 0.5,
    loudness: -14,
    music_db: -3,
    music_fade_in_seconds: 0.5,
    music_fade_out_seconds: 1,
  },
  captions: {
    mode: 'burn',
    files: ['srt'],
    font: 'Montserrat',
    size: 10,
    colour: '#ffffff',
    highlight: '#ffd700',
    position: 'bottom',
    words_per_line: 3,
    upper_case: true,
  },
  cover: { at_seconds: 1 },
  overlays: [
    {
      image: 'https://example.com/logo.png',
      position: 'top_right',
      width: 20,
      opacity: 0.9,
      from: 0.5,
      to: 3,
      blocks: ['hooks'],
    },
  ],
  selection: { tracks: 'random', lines: 'each' },
  include: [{ hooks: 'Dog' }, { bodies: 'body-a' }],
  exclude: [{ hooks: 1, bodies: 'body-b' }],
  limit: 1,
  targets: ['reels', 'shorts'],
  seed: 7,
  metadata: { campaign: 12 },
  dry_run: true,
};

const named = { ...choices, clip_names: ['Dog', 'body-a'] };
const english = { language: 'en', group: 'English' };
const german = { language: 'de', group: 'Deutsch', text: 'Hallo Welt' };
export const PLAN: PlanView = {
  dry_run: true,
  task_name: 'spring sale',
  combinations: 4,
  seed: 7,
  warnings: WARNINGS,
  selection: {
    possible: 4,
    allowed: 2,
    chosen: 1,
    tracks: 1,
    lines: 2,
    formats: 2,
    videos: 4,
    blocks: [
      {
        name: 'hooks',
        clips: [
          { name: 'Dog', uses: 1 },
          { name: 'hook-b', uses: 0 },
        ],
      },
      {
        name: 'bodies',
        clips: [
          { name: 'body-a', uses: 1 },
          { name: 'body-b', uses: 0 },
        ],
      },
    ],
  },
  estimate: {
    speech_characters: 21,
    speech_usd: 0,
    sources: 6,
    clips: 2,
    encodes: 12,
    usd_per_compute_hour: 0,
  },
  renders: [
    { ...named, format: '9x16', ...english },
    { ...named, index: 2, format: 'feed', ...english },
    { ...named, index: 3, combination: 2, format: '9x16', ...german },
    { ...named, index: 4, combination: 2, format: 'feed', ...german },
  ],
  next_cursor: null,
};
