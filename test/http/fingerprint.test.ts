import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fingerprintOf } from '../../functions/http/fingerprint.ts';
import { readRequest } from '../../functions/model/request.ts';

const LIMITS = { combinations: 1_000, sources: { buckets: ['clips'], ownBuckets: ['cache'] } };
const A = 'https://example.com/a.mp4';
const PLAIN = { task_name: 'spring sale', video_blocks: { opening: [A], ending: [A, 'gs://clips/b.mp4'] } };
const FULL = {
  ...PLAIN,
  audio_blocks: { music: ['https://example.com/m.mp3'] },
  text_to_speech: [{ text: 'Spring is here.', voice: 'Sarah' }],
  output: { width: 1080, height: 1920, fps: 30, fit: 'cover' },
  audio: { original_volume: 0.5, duck: false, voice_offset_seconds: 1 },
  seed: 7,
  metadata: { order: 1 },
  callback_url: 'https://example.com/done',
};

function fingerprint(body: unknown): string {
  return fingerprintOf(readRequest(body, LIMITS));
}

describe('the fingerprint of a request', () => {
  test('is what it was before loudness, gains, fades, targets and copied clips', () => {
    assert.equal(fingerprint(PLAIN), '769b816875aa7d0a127d47ab2a8648d7e91e71c6423a1a33959ab7a64a87b3cc');
    assert.equal(fingerprint(FULL), 'c21cfb353de57d5e6f273ecd02c2aa14ec737c685889c5d1ba0dcf1e0a802840');
  });

  test('is the same for written defaults, and another one for each other choice', () => {
    const of = (audio: object, output?: object, rest: object = {}) =>
      fingerprint({ ...PLAIN, audio, ...(output && { output }), ...rest });
    const defaults = { loudness: -14, music_db: 0, music_fade_in_seconds: 0, music_fade_out_seconds: 1 };
    assert.equal(of(defaults, { reencode: false, edit_lists: false }), fingerprint(PLAIN));
    const all = [
      fingerprint(PLAIN),
      of({ loudness: null }),
      of({ loudness: -16 }),
      of({ loudness: -13 }),
      of({ music_db: -3 }),
      of({ music_fade_in_seconds: 1 }),
      of({ music_fade_out_seconds: 0 }),
      of({ duck: true }, { reencode: true }),
      of({ duck: true }, { edit_lists: true }),
      of({ duck: true }, undefined, { targets: ['reels'] }),
    ];
    assert.equal(new Set(all).size, all.length);
  });

  test('is the same for clips, tracks and choices that mean the same', () => {
    const blocks = {
      opening: [{ url: A, name: 'a', start_seconds: 0 }],
      ending: [{ url: A }, 'gs://clips/b.mp4'],
    };
    assert.equal(fingerprint({ ...PLAIN, video_blocks: blocks }), fingerprint(PLAIN));
    const [track] = FULL.audio_blocks.music;
    const music = [{ url: track, volume: 1 }];
    const selection = { tracks: 'random', lines: 'random' };
    const same = { audio_blocks: { music }, selection, captions: { mode: 'none' } };
    assert.equal(fingerprint({ ...FULL, ...same }), fingerprint(FULL));
    const loud = { ...PLAIN.video_blocks, opening: [{ url: A, volume: 0.5 }] };
    assert.equal(fingerprint({ ...FULL, video_blocks: loud }), fingerprint(FULL));
    assert.notEqual(fingerprint({ ...PLAIN, video_blocks: loud }), fingerprint(PLAIN));
    const captioned = (files: string[]) => fingerprint({ ...FULL, captions: { mode: 'srt', files } });
    assert.equal(captioned(['srt', 'vtt']), captioned(['vtt', 'srt']));
    assert.equal(captioned(['srt']), fingerprint({ ...FULL, captions: { mode: 'srt' } }));
    const output = (field: object) => fingerprint({ ...PLAIN, output: field });
    assert.equal(output({ formats: ['9x16'] }), output({ width: 1080, height: 1920 }));
  });
});
