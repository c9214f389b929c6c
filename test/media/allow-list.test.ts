import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { conformArguments } from '../../functions/media/conform.ts';
import { decodeArguments } from '../../functions/media/decode-sound.ts';
import { probeArguments } from '../../functions/media/examine.ts';
import { encodedLevelArguments, loudnessArguments } from '../../functions/media/loudness.ts';
import { mixArguments } from '../../functions/media/mix.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { probedSound } from '../fixtures/media/probed-sound.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';

const sound = { file: '/a/x.s16le', samples: 48_000, loudness: -20 };
const video = probedVideo();
const profile = plainProfile(320, 180);

const MIX = {
  ...{ total: 48_000, own: ['/a/x.s16le', '/a/x.s16le'], originalVolume: 1, music: sound, voice: sound },
  duck: true,
};
const MASTER = { gain: 1, limit: 0.8 };

/** All command lines with which this product starts ffmpeg. */
const RUNS = {
  probe: probeArguments('/a/bytes', 'mark', ['0:V?']),
  conform: conformArguments({
    ...{ file: '/a/bytes', profile, dir: '/b', threads: 2, maxSeconds: 10 },
    probe: { seconds: 2, video, audio: probedSound() },
  }),
  'decode of a sound': decodeArguments({ file: '/a/bytes', out: '/b/x.s16le', maxSeconds: 10 }),
  'measurement of loudness': loudnessArguments('/a/x.s16le', 96_000),
  'measurement of a short sound': loudnessArguments('/a/x.s16le', 9_600),
  'measurement of encoded sound': encodedLevelArguments('/a/x.m4a'),
  mix: mixArguments(MIX, MASTER, '/b/x.m4a'),
};

/** The options between each `-i` and the previous one. */
function inputs(args: readonly string[]): { options: readonly string[]; name: string }[] {
  const ends = args.flatMap((arg, at) => (arg === '-i' ? [at] : []));
  return ends.map((end, nth) => ({
    options: args.slice(nth === 0 ? 0 : (ends[nth - 1] as number) + 2, end),
    name: args[end + 1] as string,
  }));
}
const after = (options: readonly string[], name: string) => options[options.indexOf(name) + 1] ?? '';

describe('every run of ffmpeg', () => {
  for (const [what, args] of Object.entries(RUNS)) {
    test(`opens each input of a ${what} behind three allow-lists, only from disk, by an absolute path`, () => {
      const all = inputs(args);
      assert.ok(all.length > 0);
      for (const { options, name } of all) {
        for (const list of ['-protocol_whitelist', '-format_whitelist', '-codec_whitelist']) {
          assert.equal(options.filter((option) => option === list).length, 1, `${list} before ${name}`);
        }
        assert.equal(after(options, '-protocol_whitelist'), 'file');
        assert.match(name, /^file:\//);
      }
    });

    test(`writes the output of a ${what} to absolute paths or nowhere`, () => {
      const outputs = args.filter(
        (arg, at) => args[at - 1] !== '-i' && /\//.test(arg) && /^(file:|\/)/.test(arg),
      );
      for (const output of outputs) assert.match(output, /^file:\//);
      assert.match(args.at(-1) ?? '', /^(file:\/|-$)/);
    });
  }

  test('allows external media no format that opens other files, renders text as pictures or reads the network', () => {
    for (const args of [RUNS.probe, RUNS.conform, RUNS['decode of a sound']]) {
      const [{ options } = { options: [] }] = inputs(args);
      const demuxers = after(options, '-format_whitelist').split(',');
      assert.ok(demuxers.includes('mov'));
      for (const refused of 'concat,hls,dash,sdp,image2,lavfi,ffmetadata,tty,avisynth,vobsub,imf,ass'.split(
        ',',
      )) {
        assert.ok(!demuxers.includes(refused), refused);
      }
      const decoders = after(options, '-codec_whitelist').split(',');
      assert.ok(decoders.includes('h264'));
      for (const refused of 'ansi,cinepak,exr,magicyuv,jpeg2000,pnm,vp6f,adpcm_swf,ass,mov_text,wavesynth,anull'.split(
        ',',
      )) {
        assert.ok(!decoders.includes(refused), refused);
      }
      assert.ok(Number(after(options, '-max_pixels')) > 0);
      assert.ok(Number(after(options, '-max_streams')) > 0);
    }
  });

  test('lets an encoded sound be opened only as that', () => {
    const [{ options } = { options: [] }] = inputs(RUNS['measurement of encoded sound']);
    assert.equal(after(options, '-format_whitelist'), 'mov');
    assert.equal(after(options, '-codec_whitelist'), 'aac');
  });
});
