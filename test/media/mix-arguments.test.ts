import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { concatList, type MixInput, mixArguments } from '../../functions/media/mix.ts';

const clip = (name: string, frames: number) => ({
  video: `/a/${name}.mp4`,
  sound: `/a/${name}.s16le`,
  frames,
});
const plain: MixInput = {
  clips: [clip('one', 30), clip('two', 60)],
  rate: { num: 30, den: 1 },
  originalVolume: 0,
  duck: true,
  out: '/made/out.mp4',
  dir: '/made',
};
const music = { file: '/a/music.s16le', samples: 48_000, loudness: -10 };
const voice = { file: '/a/voice.s16le', samples: 48_000, loudness: -20 };

function graphOf(change: Partial<MixInput>): string {
  const args = mixArguments({ ...plain, ...change });
  return args[args.indexOf('-filter_complex') + 1] ?? '';
}
const inputsOf = (change: Partial<MixInput>) =>
  mixArguments({ ...plain, ...change }).flatMap((arg, at, all) => (all[at - 1] === '-i' ? [arg] : []));

describe('mixArguments', () => {
  test('copies the picture', () => {
    const args = mixArguments(plain);
    assert.equal(args[args.indexOf('-c:v') + 1], 'copy');
    assert.deepEqual(args.slice(args.indexOf('concat') - 1, args.indexOf('concat') + 5), [
      ...['-f', 'concat', '-safe', '0', '-i'],
      'file:/made/clips.ffconcat',
    ]);
    assert.equal(args.at(-1), 'file:/made/out.mp4');
    assert.ok(args.includes('+faststart'));
  });

  test('opens the sound of the clips only if it is wanted', () => {
    assert.deepEqual(inputsOf({ music }), ['file:/made/clips.ffconcat', 'file:/a/music.s16le']);
    assert.deepEqual(inputsOf({ music, voice, originalVolume: 0.5 }), [
      'file:/made/clips.ffconcat',
      'file:/a/one.s16le',
      'file:/a/two.s16le',
      'file:/a/music.s16le',
      'file:/a/voice.s16le',
    ]);
    assert.match(graphOf({ originalVolume: 0.5 }), /\[1:a\]\[2:a\]concat=n=2:v=0:a=1,.*volume=0\.5,/);
  });

  test('repeats music only if it is too short', () => {
    assert.ok(mixArguments({ ...plain, music }).includes('-stream_loop'));
    const long = { ...music, samples: 144_000 };
    assert.ok(!mixArguments({ ...plain, music: long }).includes('-stream_loop'));
  });

  for (const [what, change, wanted] of [
    ['music alone is at -16 LUFS', { music }, /\[1:a\][^;]*volume=-6\.00dB/],
    ['ducked music starts from -16 LUFS', { music, voice }, /\[1:a\][^;]*volume=-6\.00dB/],
    [
      'music that is not ducked is at -30 LUFS',
      { music, voice, duck: false },
      /\[1:a\][^;]*volume=-20\.00dB/,
    ],
    ['the voice is at -16 LUFS', { music, voice }, /\[2:a\][^;]*volume=4\.00dB/],
    ['silent music gets no gain', { music: { ...music, loudness: null } }, /\[1:a\][^;]*volume=0\.00dB/],
    ['faint music gets 20 dB', { music: { ...music, loudness: -60 } }, /\[1:a\][^;]*volume=20\.00dB/],
    ['music fades out over the last second', { music }, /afade=t=out:start_sample=96000:nb_samples=48000/],
    ['without anything there is silence', {}, /^anullsrc=/],
    ['all sound ends with the picture', { music }, /atrim=end_sample=144000,ebur128=[^,;]*\[a\]$/],
    ['the parts are added without scaling', { music, voice }, /amix=inputs=2:.*normalize=0/],
    [
      'a limiter comes last',
      { music, voice },
      /alimiter=[^;]*level=0:latency=1,atrim=end_sample=144000,ebur128=[^,;]*\[a\]$/,
    ],
  ] as const) {
    test(what, () => assert.match(graphOf(change), wanted));
  }

  test('fades a voice only if it is cut off', () => {
    assert.doesNotMatch(graphOf({ voice }), /afade/);
    const long = { ...voice, samples: 200_000 };
    assert.match(graphOf({ voice: long }), /afade=t=out:start_sample=120000:nb_samples=24000/);
  });

  test('starts the voice later on request, and fades it if that cuts it off', () => {
    const graph = graphOf({ voice: { ...voice, samples: 96_000 }, voiceOffsetSeconds: 1.5 });
    assert.match(graph, /adelay=delays=72000S:all=1,apad=whole_len=144000/);
    assert.match(graph, /afade=t=out:start_sample=120000/);
    assert.doesNotMatch(graphOf({ voice }), /adelay/);
  });

  test('fades over the whole video if it is shorter than the fade', () => {
    assert.match(graphOf({ clips: [clip('x', 15)], music }), /afade=t=out:start_sample=0:nb_samples=24000/);
  });
});

test('the list of clips quotes special characters in paths', () => {
  assert.equal(
    concatList(["/my data/it's.mp4", '/日本/#1.mp4']),
    "ffconcat version 1.0\nfile 'file:/my data/it'\\''s.mp4'\nfile 'file:/日本/#1.mp4'\n",
  );
});
