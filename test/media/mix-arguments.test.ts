import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mixArguments } from '../../functions/media/mix.ts';
import type { MixInput } from '../../functions/media/mix-levels.ts';
import { bareMixArguments, concatList } from '../bench/bare-mix.ts';

const plain: MixInput = { total: 144_000, own: [], originalVolume: 0, duck: true };
const own = ['/a/one.s16le', '/a/two.s16le'];
const music = { file: '/a/music.s16le', samples: 48_000, loudness: -10 };
const voice = { file: '/a/voice.s16le', samples: 48_000, loudness: -20 };
const master = { gain: -1.234, limit: 0.8 };

const argumentsOf = (change: Partial<MixInput>) => mixArguments({ ...plain, ...change }, master, '/b/x.m4a');

function graphOf(change: Partial<MixInput>): string {
  const args = argumentsOf(change);
  return args[args.indexOf('-filter_complex') + 1] ?? '';
}
function inputsOf(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => (args[at - 1] === '-i' ? [arg] : []));
}

describe('mixArguments', () => {
  test('opens the sound of the clips only if it is wanted', () => {
    assert.deepEqual(inputsOf(argumentsOf({ music })), ['file:/a/music.s16le']);
    const all = { music, voice, own, originalVolume: 0.5 };
    assert.deepEqual(inputsOf(argumentsOf(all)), [
      'file:/a/one.s16le',
      'file:/a/two.s16le',
      'file:/a/music.s16le',
      'file:/a/voice.s16le',
    ]);
    assert.match(graphOf(all), /\[0:a\]\[1:a\]concat=n=2:v=0:a=1,.*volume=0\.5,/);
  });

  test('repeats music only if it is too short', () => {
    assert.ok(argumentsOf({ music }).includes('-stream_loop'));
    const long = { ...music, samples: 144_000 };
    assert.ok(!argumentsOf({ music: long }).includes('-stream_loop'));
  });

  for (const [what, change, wanted] of [
    ['music alone is at -16 LUFS', { music }, /\[0:a\][^;]*volume=-6\.00dB/],
    ['ducked music starts from -16 LUFS', { music, voice }, /\[0:a\][^;]*volume=-6\.00dB/],
    [
      'music that is not ducked is at -30 LUFS',
      { music, voice, duck: false },
      /\[0:a\][^;]*volume=-20\.00dB/,
    ],
    ['music_db comes on top', { music, musicDb: -3.5 }, /\[0:a\][^;]*volume=-9\.50dB/],
    [
      'music_db comes on top under a voice, too',
      { music, voice, duck: false, musicDb: 4 },
      /\[0:a\][^;]*volume=-16\.00dB/,
    ],
    ['the voice is at -16 LUFS', { music, voice }, /\[1:a\][^;]*volume=4\.00dB/],
    ['silent music gets no gain', { music: { ...music, loudness: null } }, /\[0:a\][^;]*volume=0\.00dB/],
    ['faint music gets 20 dB', { music: { ...music, loudness: -60 } }, /\[0:a\][^;]*volume=20\.00dB/],
    [
      'music fades out over the last second, and not in',
      { music },
      /end_sample=144000,afade=t=out:start_sample=96000:nb_samples=48000\[/,
    ],
    [
      'music fades as long as it is asked for',
      { music, musicFadeInSeconds: 0.5, musicFadeOutSeconds: 2 },
      /,afade=t=in:nb_samples=24000,afade=t=out:start_sample=48000:nb_samples=96000\[/,
    ],
    [
      'music does not fade if that is asked for',
      { music, musicFadeOutSeconds: 0 },
      /end_sample=144000\[music\]/,
    ],
    [
      'fades that are longer than the film share it',
      { music, musicFadeInSeconds: 3, musicFadeOutSeconds: 6 },
      /,afade=t=in:nb_samples=48000,afade=t=out:start_sample=48000:nb_samples=96000\[/,
    ],
    [
      'a fade is over the whole film if that is shorter',
      { music, total: 24_000 },
      /afade=t=out:start_sample=0:nb_samples=24000/,
    ],
    ['without anything there is silence', {}, /^anullsrc=/],
    [
      'all sound ends with the picture, raised and limited',
      { music },
      /atrim=end_sample=144000,volume=-1\.23dB,alimiter=limit=0\.800:attack=5:release=80:level=0:latency=1,atrim=end_sample=144000,asetpts=round\(N\/SR\/TB\)\[a\]$/,
    ],
    ['the parts are added without scaling', { music, voice }, /amix=inputs=2:.*normalize=0/],
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
});

describe('the bare command of a mix', () => {
  const clip = (name: string) => ({ video: `/a/${name}.mp4`, sound: `/a/${name}.s16le`, frames: 45 });
  const input = {
    ...{ clips: [clip('one'), clip('two')], rate: { num: 30, den: 1 }, music, voice },
    ...{ originalVolume: 0, duck: true, out: '/made/out.mp4', dir: '/made' },
  };

  test('copies the picture, and does the same to the sound', () => {
    const args = bareMixArguments(input, false);
    assert.deepEqual(inputsOf(args), [
      'file:/a/music.s16le',
      'file:/a/voice.s16le',
      'file:/made/clips.ffconcat',
    ]);
    assert.deepEqual(args.slice(args.indexOf('2:v:0') - 1, args.indexOf('2:v:0') + 5), [
      ...['-map', '2:v:0', '-c:v', 'copy', '-map', '[a]'],
    ]);
    assert.equal(args.at(-1), 'file:/made/out.mp4');
    const metered = bareMixArguments(input, true);
    const changed = metered.filter((arg, at) => arg !== args[at]);
    assert.equal(metered.length, args.length);
    assert.match(changed.join('\n'), /^[^\n]*,ebur128=peak=true:framelog=verbose\[a\]$/);
  });

  test('names its clips in a list that quotes special characters in paths', () => {
    assert.equal(
      concatList(["/my data/it's.mp4", '/日本/#1.mp4']),
      "ffconcat version 1.0\nfile 'file:/my data/it'\\''s.mp4'\nfile 'file:/日本/#1.mp4'\n",
    );
  });
});
