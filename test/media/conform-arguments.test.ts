import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ConformInput, conformArguments } from '../../functions/media/conform.ts';
import { conformIdentity } from '../../functions/media/conform-identity.ts';
import { conformTimeoutMs, refuseLarge } from '../../functions/media/conform-limits.ts';
import type { Profile } from '../../functions/model/pins.ts';
import type { Probe } from '../../functions/model/probe.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { probedSound } from '../fixtures/media/probed-sound.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';

const profile = plainProfile(1080, 1920);
type Video = NonNullable<Probe['video']>;

function input(video: Partial<Video> = {}, rest: Partial<ConformInput> = {}): ConformInput {
  return {
    file: '/data/bytes',
    probe: { seconds: 2, video: probedVideo(video), audio: probedSound() },
    profile,
    dir: '/made/clip',
    threads: 3,
    maxSeconds: 10,
    ...rest,
  };
}

function argumentAfter(args: readonly string[], option: string): string | undefined {
  return args[args.indexOf(option) + 1];
}
const graphOf = (video: Partial<Video>) =>
  argumentAfter(conformArguments(input(video)), '-filter_complex') ?? '';

describe('conformArguments', () => {
  const args = conformArguments(input());

  test('reads the source behind the allow-lists', () => {
    assert.equal(argumentAfter(args, '-i'), 'file:/data/bytes');
    assert.ok(args.indexOf('-format_whitelist') < args.indexOf('-i'));
  });

  test('makes clips that can be joined', () => {
    assert.equal(argumentAfter(args, '-bf'), '0');
    assert.equal(argumentAfter(args, '-flags:v'), '+cgop');
    assert.equal(argumentAfter(args, '-fps_mode'), 'cfr');
    assert.equal(argumentAfter(args, '-level:v'), '4.0');
    assert.equal(argumentAfter(args, '-video_track_timescale'), '30000');
    for (const pin of ['stitchable=1', 'open-gop=0', 'chromaloc=0', 'colorprim=bt709', 'sar=1/1']) {
      assert.ok(argumentAfter(args, '-x264-params')?.split(':').includes(pin), pin);
    }
  });

  test('never makes more frames than the longest allowed clip has', () => {
    assert.equal(argumentAfter(args, '-frames:v'), '300');
    assert.match(argumentAfter(args, '-filter_complex') ?? '', /fps=fps=30:round=near,trim=end_frame=300,/);
  });

  test('decodes no sound, but reads it, because times count from the earliest stream that is read', () => {
    assert.deepEqual(args.slice(args.indexOf('0:1') - 1), [
      ...['-map', '0:1', '-c', 'copy', '-t', '10', '-f', 'null', '-'],
    ]);
    assert.doesNotMatch(args.join(' '), /sound\.s16le|aresample/);
    const mute = input();
    const without = conformArguments({ ...mute, probe: { ...mute.probe, audio: null } });
    assert.equal(without.at(-1), 'file:/made/clip/video.mp4');
  });

  test('holds the last picture for so many frames more', () => {
    const held = conformArguments(input(), undefined, 90);
    assert.equal(argumentAfter(held, '-frames:v'), '90');
    // 60 frames of its own; two more may be missing at its end.
    assert.match(
      argumentAfter(held, '-filter_complex') ?? '',
      /trim=end_frame=90,.*tpad=stop=32:stop_mode=clone\[v\]$/,
    );
    assert.doesNotMatch(graphOf({}), /tpad/);
  });

  test('counts in 1001sts of a frame for 29.97', () => {
    const ntsc = conformArguments(input({}, { profile: { ...profile, rate: { num: 30000, den: 1001 } } }));
    assert.equal(argumentAfter(ntsc, '-enc_time_base:v'), '1001/30000');
    assert.equal(argumentAfter(ntsc, '-video_track_timescale'), '30000');
    assert.equal(argumentAfter(ntsc, '-g'), '60');
  });

  test('deinterlaces only interlaced video', () => {
    assert.match(graphOf({ interlaced: true }), /^\[0:0\]bwdif=/);
    assert.doesNotMatch(graphOf({}), /bwdif/);
  });

  for (const [what, video, matrix] of [
    ['tagged', { matrix: 'smpte170m' }, 'auto'],
    ['tagged BT.709', { matrix: 'bt709' }, 'bt709'],
    ['untagged large VP8', { matrix: 'bt601', width: 1280, height: 720 }, 'bt601'],
    ['untagged small', { matrix: null }, 'bt601'],
    ['untagged large', { matrix: null, width: 1280, height: 720 }, 'bt709'],
    ['untagged large upright', { matrix: null, width: 720, height: 1280 }, 'bt709'],
  ] as const) {
    test(`treats ${what} video as ${matrix}`, () => {
      assert.match(graphOf(video), new RegExp(`in_color_matrix=${matrix}:out_color_matrix=bt709`));
    });
  }

  for (const [gray, range] of [
    ['full', 'in_range=pc:out_range=tv'],
    ['limited', 'in_range=pc:out_range=pc'],
    ['one bit', 'in_range=pc:out_range=tv'],
  ] as const) {
    test(`does not leave the range of gray to the build: ${gray}`, () => {
      assert.match(graphOf({ gray }), new RegExp(`:${range},format=yuv420p,setparams=range=tv,`));
    });
  }

  test('turns a photo that lies on its side after scaling it to a size on its side', () => {
    const graph = graphOf({ still: true, orientation: 6, width: 3024, height: 4032 });
    assert.match(
      graph,
      /scale='if\(gt\(\(1\/dar\),1080\/1920\),2\*.*,1920\)':'if\(gt\(\(1\/dar\),1080\/1920\),1080,.*transpose=clock/,
    );
    assert.doesNotMatch(graphOf({ still: true, orientation: 1 }), /transpose|flip/);
  });

  test('leaves turning to its own filters for photos, and to ffmpeg for films', () => {
    assert.ok(conformArguments(input({ still: true })).includes('-noautorotate'));
    assert.ok(!conformArguments(input()).includes('-noautorotate'));
  });

  for (const [what, width, height, fit, halved] of [
    ['12 million pixels', 4032, 3024, 'contain', '1'],
    ['12 million pixels, upright', 3024, 4032, 'contain', '0'],
    ['48 million pixels, upright', 6048, 8064, 'contain', '1'],
    ['200 million pixels', 16_320, 12_240, 'contain', '3'],
    ['200 million pixels that fill the frame', 16_320, 12_240, 'cover', '2'],
    ['a small one', 640, 360, 'contain', '0'],
  ] as const) {
    test(`decodes a photo of ${what} at a size that is still larger than the frame`, () => {
      const video = { still: true, width, height, pixels: width * height, packets: 1 };
      const photo = conformArguments(input(video, { profile: { ...profile, fit } }));
      assert.equal(argumentAfter(photo, '-lowres'), halved);
    });
  }

  test('leaves memory to a large photo by not looking ahead', () => {
    const x264 = (pixels: number) =>
      argumentAfter(conformArguments(input({ still: true, pixels, packets: 1 })), '-x264-params');
    assert.match(x264(48_000_000) ?? '', /:rc-lookahead=0$/);
    assert.doesNotMatch(x264(12_000_000) ?? '', /rc-lookahead=0/);
  });

  test('maps high dynamic range to SDR after scaling', () => {
    const graph = graphOf({ hdr: 'hlg', matrix: 'bt2020nc' });
    assert.match(graph, /scale=.*color_trc=arib-std-b67.*tonemap=/);
    assert.doesNotMatch(graphOf({}), /zscale|tonemap/);
  });

  test('decodes transparency with the decoder that supports it, and puts it on black', () => {
    const alpha = input({ alpha: true, alphaDecoder: 'libvpx-vp9' });
    const vp9 = conformArguments(alpha);
    assert.ok(vp9.indexOf('libvpx-vp9') < vp9.indexOf('-i'));
    assert.match(argumentAfter(vp9, '-filter_complex') ?? '', /premultiply/);
  });
});

describe('the limits of one encoding', () => {
  test('refuses a clip that is too long, and says how long it is', () => {
    assert.throws(() => refuseLarge(input({ seconds: 10.4 })), {
      name: 'PermanentError',
      code: 'clip_too_long',
      message: /Expected at most 10 s, got 10\.4 s/,
    });
  });

  test('refuses a clip of more pixels than the longest ordinary clip has, however small its file', () => {
    const picture = { width: 6000, height: 4000, pixels: 24_000_000 };
    assert.throws(() => refuseLarge(input({ ...picture, packets: 52 })), {
      name: 'PermanentError',
      code: 'clip_too_large',
      message: /Expected at most 1244 million pixels .* got 1248 million/,
    });
    refuseLarge(input({ ...picture, packets: 51 }));
  });

  test('counts the pixels that are stored, not those that the file says to show', () => {
    const narrow = { width: 1, height: 4000, pixels: 24_000_000, packets: 52 };
    assert.throws(() => refuseLarge(input(narrow)), { code: 'clip_too_large' });
  });

  test('counts the pixels that are made, of a file of a few bytes too', () => {
    const still = input({ still: true, pixels: 1 }, { stillSeconds: 10 });
    const profile4k = { ...profile, width: 3840, height: 2160, rate: { num: 60, den: 1 } };
    assert.throws(() => refuseLarge({ ...still, profile: profile4k }), { code: 'clip_too_large' });
    refuseLarge(still);
  });

  for (const [what, change, minutes] of [
    ['an ordinary clip', {}, 2],
    ['20 s of 4K', { pixels: 3840 * 2160, packets: 600, seconds: 20 }, 12],
    ['the largest clip', { pixels: 33_000_000, packets: 2_000, seconds: 100 }, 30],
  ] as const) {
    test(`gives ${what} ${minutes} minutes`, () => {
      const ms = conformTimeoutMs(input(change));
      assert.ok(Math.abs(ms / 60_000 - minutes) < 1, `${ms}`);
    });
  }
});

describe('conformIdentity', () => {
  test('is the same for the same profile, and differs with each of its parts', () => {
    const others: Profile[] = [
      { ...profile, width: 1078 },
      { ...profile, height: 1918 },
      { ...profile, rate: { num: 30000, den: 1001 } },
    ];
    const all = [profile, ...others].map((one) => conformIdentity(one, input()).join(' '));
    assert.equal(new Set(all).size, 4);
    assert.equal(conformIdentity({ ...profile }, input()).join(' '), all[0]);
  });

  test('differs with everything that probing found, in whatever order it was stored', () => {
    const key = (probe: Probe) => conformIdentity(profile, { probe, maxSeconds: 10 }).join(' ');
    const { seconds, video, audio } = input().probe;
    const other = (kind: object) =>
      Object.entries(kind).map(([name, value]) => ({
        ...kind,
        [name]: value === 'other' ? 'another' : 'other',
      }));
    const changed = [
      ...other(video as object).map((one) => ({ seconds, video: one, audio })),
      ...other(audio as object).map((one) => ({ seconds, video, audio: one })),
    ] as unknown as Probe[];
    const keys = [key({ seconds, video, audio }), ...changed.map(key)];
    assert.ok(keys.length > 25);
    assert.equal(new Set(keys).size, keys.length);
    const turned = Object.fromEntries(Object.entries(video as object).toReversed()) as typeof video;
    assert.equal(key({ audio, video: turned, seconds }), keys[0]);
  });

  test('differs with the own sound on and off, but not for a clip without sound', () => {
    const key = (own: boolean, probe: Probe, maxSeconds = 10) =>
      conformIdentity(profile, { probe, own, maxSeconds }).join(' ');
    const { probe } = input();
    assert.notEqual(key(true, probe), key(false, probe));
    // The last picture may be held that long.
    assert.notEqual(key(true, probe), key(true, probe, 20));
    assert.equal(key(false, probe), key(false, probe, 20));
    assert.equal(key(true, { ...probe, audio: null }), key(false, { ...probe, audio: null }));
  });

  test('contains every encoder setting, but neither paths nor the number of threads', () => {
    const identity = conformIdentity(profile, input());
    for (const part of ['libx264', '20', 'veryfast', '4.0']) assert.ok(identity.includes(part), part);
    assert.ok(!identity.includes('-threads:v'));
  });
});
