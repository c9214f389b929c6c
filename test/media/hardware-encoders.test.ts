/** Nothing here has such hardware: the arguments, the fallback, and the trial with encoders in software in their place. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import { createLog } from '../../functions/base/log.ts';
import { conformArguments, conformClip } from '../../functions/media/conform.ts';
import { conformIdentity } from '../../functions/media/conform-identity.ts';
import { tryEncoder, usableEncoder } from '../../functions/media/encoder-trial.ts';
import {
  HARDWARE,
  type HardwareEncoder,
  refuseOtherEncoder,
} from '../../functions/media/hardware-encoders.ts';
import { probe } from '../../functions/media/probe.ts';
import { HARDWARE_NAMES, type HardwareName, type Profile } from '../../functions/model/pins.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';

const { signal } = new AbortController();
const PROFILE = plainProfile(1080, 1920);
const INPUT = {
  file: '/data/bytes',
  probe: { seconds: 2, video: probedVideo(), audio: null },
  dir: '/made/clip',
  threads: 2,
  maxSeconds: 10,
};

const FAST = ['-preset', 'ultrafast'];

function argumentAfter(args: readonly string[], option: string): string | undefined {
  return args[args.indexOf(option) + 1];
}

describe('arguments for encoders in hardware', () => {
  for (const name of HARDWARE_NAMES) {
    test(`of ${name} demand what joining does`, () => {
      const args = conformArguments({ ...INPUT, profile: { ...PROFILE, encoder: name } });
      for (const [option, value] of [
        ['-c:v', HARDWARE[name].codec],
        ['-bf', '0'],
        ['-flags:v', '+cgop'],
        ['-g', '60'],
        ['-fps_mode', 'cfr'],
        ['-enc_time_base:v', '1/30'],
        ['-profile:v', 'high'],
        ['-level:v', '40'],
        ['-maxrate', '16000k'],
        ['-color_primaries', 'bt709'],
        ['-color_trc', 'bt709'],
        ['-colorspace', 'bt709'],
        ['-color_range', 'tv'],
        ['-video_track_timescale', '30000'],
      ] as const) {
        assert.equal(argumentAfter(args, option), value, option);
      }
      assert.ok(!args.includes('libx264') && !args.includes('-x264-params'));
      assert.equal(new Set(args.filter((one) => one.startsWith('-b:v'))).size, 1);
    });
  }

  test('bring the picture to the encoder', () => {
    const args = conformArguments({ ...INPUT, profile: { ...PROFILE, encoder: 'vaapi' } });
    assert.ok(args.indexOf('-vaapi_device') < args.indexOf('-i'));
    assert.match(argumentAfter(args, '-filter_complex') ?? '', /,format=nv12,hwupload\[v\]$/);
    const nvenc = conformArguments({ ...INPUT, profile: { ...PROFILE, encoder: 'nvenc' } });
    const x264 = conformArguments({ ...INPUT, profile: PROFILE });
    assert.equal(argumentAfter(nvenc, '-filter_complex'), argumentAfter(x264, '-filter_complex'));
  });

  test('are part of the key of the clip', () => {
    const keys = [undefined, ...HARDWARE_NAMES].map((encoder) =>
      conformIdentity({ ...PROFILE, ...(encoder && { encoder }) }, INPUT).join(' '),
    );
    assert.equal(new Set(keys).size, keys.length);
  });
});

describe('an encoder in hardware', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;
  const folder = async () => {
    const dir = at(`trial-${++count}`);
    await mkdir(dir);
    return dir;
  };
  const tried = async (encoder: Partial<HardwareEncoder>) =>
    tryEncoder(
      { codec: 'libx264', pixels: 'yuv420p', device: [], upload: [], options: () => FAST, ...encoder },
      { ffmpeg, dir: await folder(), signal },
    );

  for (const name of HARDWARE_NAMES) {
    test(`that is not there, ${name}, leaves the work to x264 with a warning`, async () => {
      const lines: Record<string, unknown>[] = [];
      const log = createLog({
        level: 'info',
        pretty: false,
        write: (line: string) => void lines.push(JSON.parse(line)),
      });
      assert.equal(await usableEncoder(name, { ffmpeg, dir: await folder(), signal, log }), undefined);
      assert.equal(lines[0]?.['event'], 'ffmpeg.no_encoder');
      assert.equal(lines[0]?.['severity'], 'WARNING');
      assert.match(
        String(lines[0]?.['message']),
        new RegExp(`VIDEO_ENCODER=${name} does not work here.*: .+`),
      );
    });
  }

  test('is used if it keeps to what joining demands', async (t) => {
    const hasOpenH264 = String(await run('-hide_banner', '-encoders')).includes(' libopenh264 ');
    if (!hasOpenH264) return t.skip('this build of ffmpeg has no encoder to put in its place');
    // Another encoder of H.264, with no option of x264's.
    const options = ({ maxrate }: { maxrate: number }) => [
      '-b:v',
      `${maxrate / 2}k`,
      '-maxrate',
      `${maxrate}k`,
    ];
    assert.equal(await tried({ codec: 'libopenh264', options }), undefined);
  });

  test('is not used if its clips cannot be joined', async () => {
    assert.equal(await tried({}), undefined);
    let crf = 20;
    assert.match(
      String(await tried({ options: () => [...FAST, '-crf', String(crf++)] })),
      /one header for all clips/,
    );
    const reordered = [...FAST, '-x264-params', 'bframes=2:b-adapt=0'];
    assert.match(String(await tried({ options: () => reordered })), /no B-frames/);
    assert.match(String(await tried({ upload: ['trim=end_frame=3'] })), /expected 5 frames, got 3/);
  });

  test('that fails midway fails the clip, and says what to do', async () => {
    const file = await makeFilm(at('clip.mp4'), { frames: 5, size: '64x64' });
    const profile: Profile = { ...PROFILE, width: 64, height: 64, encoder: 'nvenc' };
    const clip = { file, profile, dir: await folder(), threads: 1, maxSeconds: 60, timeoutMs: 60_000 };
    const found = await probe(ffmpeg, file, { signal });
    await assert.rejects(conformClip(ffmpeg, { ...clip, probe: found, signal }), (error: unknown) => {
      assert.ok(PermanentError.is(error));
      assert.equal(error.code, 'conform_failed');
      assert.match(
        error.message,
        /that nvenc can encode, got: .*unset VIDEO_ENCODER and post the task again/,
      );
      return true;
    });
  });

  test('does not take turns with another in one task', () => {
    const began = (encoder?: HardwareName) => ({ ...PROFILE, ...(encoder && { encoder }) });
    refuseOtherEncoder(began(), undefined);
    refuseOtherEncoder(began('qsv'), 'qsv');
    assert.throws(() => refuseOtherEncoder(began('qsv'), undefined), /began, qsv, got x264/);
    assert.throws(() => refuseOtherEncoder(began(), 'qsv'), /began, x264, got qsv/);
  });
});
