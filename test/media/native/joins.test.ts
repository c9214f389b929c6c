/** Clips that are copied into one film: every frame is the source's. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkClip } from '../../../functions/media/check-clip.ts';
import {
  assertCopiesJoin,
  type Copy,
  copyOf,
  encode,
  SMALL,
  x264,
} from '../../fixtures/media/copied-joins.ts';
import { ffmpeg as run } from '../../fixtures/media/finished.ts';
import { useMedia } from '../../fixtures/media/media.ts';
import { sampled } from '../../fixtures/system/sample.ts';

const ENCODERS: Readonly<Record<string, readonly string[]>> = {
  'no B-frames': x264('bframes=0'),
  'two B-frames': x264('bframes=2:b-adapt=0'),
  'a pyramid of B-frames': x264('bframes=3:b-adapt=0:b-pyramid=normal'),
  'a strict pyramid': x264('bframes=3:b-adapt=0:b-pyramid=strict'),
  'sixteen references and eight B-frames': x264('bframes=8:b-adapt=0:ref=16'),
  'open GOPs': x264('bframes=3:b-adapt=0:open-gop=1:keyint=8:min-keyint=4'),
  'intra refresh': x264('bframes=0:intra-refresh=1:keyint=6'),
  'a hypothetical decoder': x264('bframes=2:nal-hrd=vbr:vbv-maxrate=500:vbv-bufsize=500'),
  'access unit delimiters': x264('aud=1:bframes=2'),
  'variable-length codes': x264('cabac=0:bframes=2'),
  'four slices': x264('slices=4:bframes=2'),
  'scaling matrices': x264('cqm=jvt:bframes=2', '-profile:v', 'high'),
  'the Constrained Baseline profile': x264('keyint=10', '-profile:v', 'baseline'),
  'tags of colours': [
    ...x264('bframes=2'),
    '-colorspace',
    'bt709',
    '-color_primaries',
    'bt709',
    '-color_trc',
    'bt709',
  ],
};

describe('copied clips', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function copies(files: readonly string[], profile = SMALL) {
    const found = [];
    for (const file of files) found.push(await copyOf(ffmpeg, file, { dir: at(`copy-${++count}`), profile }));
    return found;
  }

  for (const [name, output] of sampled(Object.entries(ENCODERS), 5, 'native encoders')) {
    test(`with ${name} are joined frame by frame`, async () => {
      const files = [];
      for (const [from, frames] of [
        [0, 25],
        [40, 2],
        [60, 3],
        [80, 14],
      ] as const) {
        files.push(await encode(at(`${name}-${frames}.mp4`), { frames, from, output, sound: frames / 30 }));
      }
      const clips = await copies(files);
      assert.equal(new Set(clips.map(({ header }) => header)).size, 1);
      const [long, two, three, more] = clips as [Copy, Copy, Copy, Copy];
      const order = [two, long, three, two, two, more, long];
      await assertCopiesJoin(order, at(`${name}.mp4`));
      for (const clip of clips) await checkClip(clip, SMALL);
    });
  }

  test('of one encoder in different containers are joined frame by frame', async () => {
    const plain = await encode(at('plain.mp4'), { frames: 20, output: ENCODERS['two B-frames'] as string[] });
    const remuxed = async (name: string, ...options: string[]) => {
      await run('-i', plain, '-c', 'copy', ...options, at(name));
      return at(name);
    };
    const files = [
      plain,
      await remuxed('in-milliseconds.mkv'),
      await remuxed('sixhundredths.mov', '-video_track_timescale', '600'),
      await remuxed('fragments.mp4', '-movflags', '+frag_keyframe+empty_moov'),
      await remuxed('no-edit-list.mp4', '-movflags', '+negative_cts_offsets', '-use_editlist', '0'),
    ];
    const clips = await copies(files);
    assert.equal(new Set(clips.map(({ header }) => header)).size, 1);
    await assertCopiesJoin(clips, at('containers.mp4'));
    for (const clip of clips) await checkClip(clip, SMALL);
  });

  test('at 29.97 frames per second keep their places over a whole film', async () => {
    const rate = { num: 30_000, den: 1001 };
    const output = ENCODERS['two B-frames'] as string[];
    const file = await encode(at('ntsc.mkv'), { frames: 7, rate: '30000/1001', output });
    const [clip] = await copies([file], { ...SMALL, rate });
    const times = Array.from({ length: 12 }, () => clip as Copy);
    await assertCopiesJoin(times, at('ntsc.mp4'), rate);
  });

  test('whose picture begins late move their sound with it', async () => {
    const late = at('late.mp4');
    await encode(at('sounding.mp4'), {
      frames: 20,
      sound: 20 / 30,
      output: ENCODERS['two B-frames'] as string[],
    });
    const input = ['-i', at('sounding.mp4')];
    await run('-itsoffset', '0.05', ...input, ...input, '-map', '0:v', '-map', '1:a', '-c', 'copy', late);
    const [clip, plain] = (await copies([late, at('sounding.mp4')])) as [Copy, Copy];
    assert.equal(clip.header, plain.header);
    await assertCopiesJoin([clip, plain], at('late-film.mp4'));
    await checkClip(clip, SMALL);
  });
});
