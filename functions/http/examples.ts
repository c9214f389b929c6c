/** Examples of requests and answers. The description shows them, and a test holds functions/http/README.md equal to them. */

import { VERSION } from '../base/version.ts';
import type { AccessView } from '../model/answers/access.ts';
import type { HealthView, ReadyView } from '../model/answers/health.ts';
import type { RenderList } from '../model/answers/render.ts';
import type { SettingsView } from '../model/answers/settings.ts';
import type { StatsView } from '../model/answers/stats.ts';
import type { Accepted, StatusView, TaskList } from '../model/answers/task.ts';
import type { Upload, UploadRequest } from '../model/answers/upload.ts';
import type { VoiceList } from '../model/answers/voice.ts';
import { renderLinks, taskLinks } from '../model/links.ts';
import type { ProcessMediaRequest } from '../model/request-schema.ts';

const BASE = 'http://127.0.0.1:8080';
const TASK_ID = '1f0c9a52-8a07-4d0e-9c39-0a6f4c1f7d11';
export const WARNINGS = ['Lines are spoken by the built-in offline voice (eSpeak NG): …'];
const task = { task_id: TASK_ID, task_name: 'spring sale', combinations: 4 };
/** Of the first combination. */
export const choices = {
  index: 1,
  combination: 1,
  format: null,
  language: null,
  group: null,
  clips: ['https://example.com/hook-a.mp4', 'https://example.com/body-a.mp4'],
  clip_names: ['hook-a', 'body-a'],
  track: 'https://example.com/song.mp3',
  track_name: 'song',
  voice: 'Sarah',
  text: 'Hello world',
};

export const TASK_REQUEST: ProcessMediaRequest = {
  task_name: 'spring sale',
  video_blocks: {
    hooks: ['https://example.com/hook-a.mp4', 'https://example.com/hook-b.mp4'],
    bodies: ['https://example.com/body-a.mp4', 'https://example.com/body-b.mp4'],
  },
  audio_blocks: { music: ['https://example.com/song.mp3'] },
  text_to_speech: [{ text: 'Hello world', voice: 'Sarah' }],
};

export const ACCEPTED: Accepted = {
  ...task,
  seed: 3141592653,
  status_url: `${BASE}/tasks/${TASK_ID}`,
  links: taskLinks(BASE, TASK_ID),
  warnings: WARNINGS,
};

export const RETRY_ACCEPTED: Accepted = {
  ...ACCEPTED,
  combinations: 1,
  retry_of: '5d2e7f60-3b1c-4f5a-8e21-7c9d0b6a4e83',
};

export const STATUS: StatusView = {
  ...task,
  status: 'rendering',
  sources: 6,
  prepared: 6,
  succeeded: 2,
  failed: 0,
  cancelled: 0,
  pending: 2,
  percent: 50,
  elapsed_seconds: 12.3,
  eta_seconds: 1.4,
  problem: null,
  video: 'copied',
  video_reason: null,
  output_folder: '/home/you/every-cut/output/spring sale',
  retry_of: null,
  created_at: '2026-11-29T09:00:00.000Z',
  completed_at: null,
  metadata: null,
  webhook: null,
  targets: [],
  warnings: [],
  links: taskLinks(BASE, TASK_ID),
};

export const RENDERS_PAGE: RenderList = {
  renders: [
    {
      ...choices,
      status: 'succeeded',
      file_name: '0001-hook-a-body-a-1f0c9a.mp4',
      url: 'file:///home/you/every-cut/output/spring%20sale/0001-hook-a-body-a-1f0c9a.mp4',
      duration_seconds: 12.5,
      render_seconds: 0.42,
      attempts: 1,
      warnings: [],
      targets: [],
      files: [],
      error: null,
      links: renderLinks(BASE, TASK_ID, 1, true),
    },
  ],
  next_cursor: null,
};

export const TASKS_PAGE: TaskList = {
  tasks: [
    {
      ...task,
      status: 'rendering',
      succeeded: 2,
      failed: 0,
      cancelled: 0,
      pending: 2,
      percent: 50,
      created_at: '2026-11-29T09:00:00.000Z',
      completed_at: null,
      links: taskLinks(BASE, TASK_ID),
    },
  ],
  next_cursor: null,
};

export const UPLOAD_REQUEST: UploadRequest = { name: 'Hook A.mp4', bytes: 8388608, type: 'video/mp4' };

const UPLOAD_ID = '6f1c0d2e9b7a4c538e21f06d4b9a7c15-Hook_A';
export const UPLOAD: Upload = {
  url: `upload:${UPLOAD_ID}`,
  upload_url: `${BASE}/uploads/${UPLOAD_ID}?bytes=8388608&…`,
  method: 'PUT',
  headers: { 'content-type': 'video/mp4' },
  expires_at: '2026-11-30T09:00:00.000Z',
};

export const VOICES_PAGE: VoiceList = {
  provider: 'espeak',
  any_name: true,
  note: 'The built-in offline voice (eSpeak NG). …',
  voices: [
    {
      id: 'Olivia',
      name: 'Olivia',
      description: 'Speaks the language of the line; without one, English.',
      language: 'en',
      labels: ['female'],
      preview: true,
    },
  ],
  next_cursor: null,
};

export const ACCESS_GIVEN: AccessView = {
  token: '1796074200.3q2-7wAAAAC6u8zd7v8AESIzRFVmd4iZqrvM3e7_ABE',
  expires_at: '2026-11-30T21:30:00.000Z',
};

export const HEALTH: HealthView = { status: 'ok', version: VERSION };
export const READY: ReadyView = { status: 'ready', checks: { store: { status: 'ok' } } };

const idle = { waiting: 0, in_flight: 0, quarantined: 0, oldest_seconds: null };
export const STATS: StatsView = {
  version: VERSION,
  uptime_seconds: 86400,
  tasks: { unfinished: 2, queued: 1, preparing: 0, rendering: 1, cancelling: 0 },
  queue: {
    prepare: { ...idle, waiting: 6, oldest_seconds: 1.2 },
    render: { ...idle, waiting: 42, in_flight: 8, oldest_seconds: 12.3 },
    complete: idle,
    webhook: idle,
    dead_letter: idle,
  },
  places: {
    downloaders: { used: 0, limit: 96 },
    probers: { used: 0, limit: 4 },
    decoders: { used: 0, limit: 3 },
    encoders: { used: 0, limit: 1 },
    mixers: { used: 2, limit: 2 },
    savers: { used: 1, limit: 8 },
  },
  disk: {
    data: { free_bytes: 53687091200, total_bytes: 107374182400 },
    output: { free_bytes: 53687091200, total_bytes: 107374182400 },
  },
  cache: { bytes: 1288490189, limit_bytes: 10737418240 },
  speech: { since: '2026-11-01', characters_bought: 5120, characters_saved: 1280 },
};

export const SETTINGS: SettingsView = {
  version: VERSION,
  settings: [
    {
      name: 'PORT',
      value: '8081',
      default: '8080',
      about: 'Port to listen on; 0 takes any free port.',
      is_secret: false,
      is_set: true,
    },
    {
      name: 'API_KEY',
      value: null,
      default: '',
      about: 'Key that callers must send in X-API-Key or Authorization: Bearer.',
      is_secret: true,
      is_set: true,
    },
  ],
};

/** A wrong request and the answer to it. */
export const INVALID_REQUEST = {
  request: { task_name: 'spring sale', video_blocks: { hooks: ['clip.mp4'] } },
  answer: {
    type: 'about:blank',
    title: 'The request is invalid',
    status: 422,
    detail: 'The request has one mistake; nothing was started.',
    code: 'invalid_request',
    hint: 'Fix each entry of errors and send the request again; nothing was started.',
    errors: [
      {
        pointer: '/video_blocks/hooks/0',
        code: 'invalid_url',
        message:
          'Expected an http(s), gs:// or upload: URL, got "clip.mp4". Write it in full, as https://example.com/clip.mp4.',
      },
    ],
  },
};
