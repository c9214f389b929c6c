/** Which clips are copied: each that is gives exactly its own frames beside another one, and all others say why not. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { checkClip } from '../../../functions/media/check-clip.ts';
import type { SequenceSet } from '../../../functions/media/mp4/parameter-sets.ts';
import { CopyRefused } from '../../../functions/media/native/copy-clip.ts';
import type { Profile } from '../../../functions/model/pins.ts';
import { withBox } from '../../fixtures/media/changed-boxes.ts';
import {
  changeSecondPictureSet,
  holdLast,
  mirrored,
  sayInSequence,
  turned,
  twoHeaders,
} from '../../fixtures/media/changed-headers.ts';
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

const X264 = x264('bframes=2:b-adapt=0:keyint=10');
const BASELINE = ['-c:v', 'libx264', '-profile:v', 'baseline'];

describe('a clip', () => {
  const { ffmpeg, at } = useMedia();
  let plain: Copy;
  let count = 0;

  before(async () => {
    await encode(at('plain.mp4'), { frames: 25, output: X264, sound: 25 / 30 });
    plain = await copyOf(ffmpeg, at('plain.mp4'), { dir: at('plain') });
  });

  const copy = (file: string, options: { profile?: Profile; own?: boolean } = {}) =>
    copyOf(ffmpeg, file, { dir: at(`copy-${++count}`), ...options });

  /** What ffmpeg makes of the plain clip by copying it. */
  async function remuxed(
    name: string,
    output: readonly string[],
    input: readonly string[] = [],
  ): Promise<string> {
    await run(...input, '-i', at('plain.mp4'), '-c', 'copy', ...output, at(name));
    return at(name);
  }
  const encoded = (name: string, output: readonly string[], more: object = {}) =>
    encode(at(name), { frames: 25, output, ...more });
  const boxed = (name: string, path: string, change: (body: Buffer) => Buffer | undefined) =>
    withBox(at('plain.mp4'), at(name), path, (body) => change(body) ?? body);

  type Made = () => Promise<string>;

  const COPIED: Readonly<Record<string, Made>> = {
    'with an edit list that takes out the delay of its B-frames': async () => at('plain.mp4'),
    'with other sound': () => remuxed('silent.mp4', ['-an']),
    'that is cropped by its header': () => encoded('cropped.mp4', X264, { size: '66x50' }),
    'of another encoder': () => encoded('openh264.mp4', ['-c:v', 'libopenh264', '-b:v', '300k', '-g', '10']),
    'of a QuickTime file': () => remuxed('plain.mov', []),
    'with messages in its frames': () =>
      remuxed('message.mp4', ['-bsf:v', 'h264_metadata=sei_user_data=086f3693b7b34f2c965321492feee5b8+cut']),
  };
  for (const [name, made] of sampled(Object.entries(COPIED), 4, 'copied clips')) {
    test(`${name} is copied`, async (context) => {
      const file = await made().catch((error: Error) => {
        if (!/Unknown encoder/.test(error.message)) throw error;
        context.skip('this ffmpeg lacks the encoder');
      });
      if (file === undefined) return;
      const profile = name.includes('cropped') ? { ...SMALL, width: 66, height: 50 } : SMALL;
      const own = await copy(file, { profile });
      await checkClip(own, profile);
      const others = own.header === plain.header ? [plain, own, plain] : [own, own];
      await assertCopiesJoin(others, at(`film-${count}.mp4`));
    });
  }

  const REFUSED: Readonly<Record<string, [RegExp, Made]>> = {
    'that is a photo': [/^is a still picture$/, () => encode(at('photo.png'), { frames: 1, output: [] })],
    'of one frame': [/only one frame/, () => encode(at('one.mp4'), { frames: 1, output: X264 })],
    'of another codec': [/in mpeg4, not in H.264/, () => encoded('mpeg4.mp4', ['-c:v', 'mpeg4'])],
    'of a container without sure times': [/format mpegts/, () => encoded('stream.ts', X264)],
    'of another size': [/is 80x48, the videos 64x48/, () => encoded('wide.mp4', X264, { size: '80x48' })],
    'of another rate': [/25 frames per second, the videos 30/, () => encoded('25.mp4', X264, { rate: '25' })],
    'that is turned': [/is turned or mirrored/, () => boxed('turned.mp4', 'moov/trak/tkhd', turned)],
    'that is mirrored': [/is turned or mirrored/, () => boxed('mirrored.mp4', 'moov/trak/tkhd', mirrored)],
    'of samples that are not square': [/not square/, () => encoded('sar.mp4', X264, { filter: 'setsar=2' })],
    'of 4:4:4': [/yuv444p/, () => encoded('444.mp4', [...X264, '-pix_fmt', 'yuv444p'])],
    'of full range': [/colours in full range/, () => encoded('full.mp4', [...X264, '-color_range', 'pc'])],
    'of a high dynamic range': [
      /high dynamic range/,
      () => encoded('pq.mp4', [...X264, '-color_trc', 'smpte2084']),
    ],
    'that is interlaced': [
      /interlaced/,
      () => encoded('mbaff.mp4', x264('tff=1:bframes=2', '-flags', '+ildct+ilme')),
    ],
    'that only says it is interlaced': [/interlaced/, () => encoded('fake.mp4', x264('fake-interlaced=1'))],
    'of a variable rate': [/constant frame rate/, () => variable('vfr.mp4', 'setpts=PTS*(1+0.5*gt(N\\,12))')],
    'that lacks a frame': [
      /constant frame rate|frames per second/,
      () => variable('dropped.mp4', 'select=not(eq(n\\,12))'),
    ],
    'that holds its last frame': [/holds its last picture/, heldLast],
    'of key frames alone': [/ends with a key frame/, () => encoded('intra.mp4', x264('keyint=1'))],
    'that an edit list cuts': [
      /an edit list cuts off, .* or that are damaged/,
      () => remuxed('cut.mp4', [], ['-ss', '0.2']),
    ],
    'that begins late': [/begins 0.50 s late/, late],
    'whose key frames are far apart': [/between two key frames/, () => sparse()],
    'of too many bits': [/Mbit\/s/, () => heavy()],
    'with a message that turns it': [
      /by a message/,
      () => remuxed('sei.mp4', ['-bsf:v', 'h264_metadata=display_orientation=insert:rotate=90']),
    ],
    'with two headers': [
      /something else beside its frames|more than one header/,
      () => boxed('two.mp4', 'moov/trak/mdia/minf/stbl', twoHeaders),
    ],
    'whose frames change its header': [/repeats its header within its frames/, otherHeader],
    'that was cut out of an open GOP': [/needs others before it|cuts off|begins with/, () => outOfOpenGop()],
    'with longer sound': [/longer than its picture/, () => encoded('longer.mp4', X264, { sound: 3 })],
    'with numbers of frames left out': [
      /may leave out frames/,
      () => otherSequence('gaps.mp4', { gaps: true }),
    ],
    'of a level that players do not know': [
      /level 6.2, above 5.2/,
      () => otherSequence('62.mp4', { level: 62 }),
    ],
    'of the plain Baseline profile': [
      /profile Baseline, not Constrained/,
      () => otherSequence('66.mp4', { constrained: false }, BASELINE),
    ],
    'whose frames may bring headers of their own': [
      /^is packaged for streaming \(avc3\), so its header may change within the film$/,
      () => remuxed('avc3.mp4', ['-tag:v', 'avc3']),
    ],
    'of 10 bits': [/yuv420p10/, () => encoded('10.mp4', [...X264, '-pix_fmt', 'yuv420p10le'])],
  };

  async function variable(name: string, filter: string): Promise<string> {
    return encoded(name, [...X264, '-fps_mode', 'passthrough', '-enc_time_base', '1/90000'], { filter });
  }
  async function late(): Promise<string> {
    const input = ['-i', at('plain.mp4')];
    await run(
      '-itsoffset',
      '0.5',
      ...input,
      ...input,
      '-map',
      '0:v',
      '-map',
      '1:a',
      '-c',
      'copy',
      at('late.mp4'),
    );
    return at('late.mp4');
  }
  function sparse(): Promise<string> {
    return encode(at('sparse.mp4'), {
      frames: 310,
      output: x264('keyint=infinite:scenecut=0', '-preset', 'ultrafast'),
    });
  }
  function heavy(): Promise<string> {
    const output = x264('qp=1:keyint=5', '-preset', 'ultrafast');
    return encode(at('heavy.mp4'), { frames: 4, size: '640x360', filter: 'noise=alls=100:allf=t+u', output });
  }
  async function heldLast(): Promise<string> {
    return holdLast(await encoded('held.mp4', [...x264('bframes=0'), '-use_editlist', '0']));
  }
  async function otherHeader(): Promise<string> {
    const output = x264('repeat-headers=1:bframes=0:keyint=10:scenecut=0');
    return changeSecondPictureSet(await encoded('repeated.mp4', output));
  }
  async function otherSequence(name: string, wanted: Partial<SequenceSet>, output = X264): Promise<string> {
    return sayInSequence(await encoded(name, output), wanted);
  }
  async function outOfOpenGop(): Promise<string> {
    const whole = await encode(at('open.mp4'), {
      frames: 40,
      output: x264('open-gop=1:bframes=3:b-adapt=0:keyint=10:min-keyint=10:scenecut=0'),
    });
    await run(
      '-ss',
      '0.4',
      '-i',
      whole,
      '-c',
      'copy',
      '-avoid_negative_ts',
      'make_zero',
      '-use_editlist',
      '0',
      at('out.mkv'),
    );
    return at('out.mkv');
  }
  for (const [name, [reason, made]] of sampled(Object.entries(REFUSED), 5, 'refused clips')) {
    test(`${name} is encoded`, async () => {
      const profile = name.includes('many bits') ? { ...SMALL, width: 640, height: 360 } : SMALL;
      const file = await made();
      await assert.rejects(copy(file, { profile }), (error) => {
        assert.ok(error instanceof CopyRefused, String(error));
        assert.match(error.message, reason);
        // Of our parsers, which say what they expect of bytes.
        assert.doesNotMatch(error.message, /Expected|undefined|null/);
        return true;
      });
    });
  }

  test('with longer sound is copied if that is not heard', async () => {
    const file = await encoded('longer.mp4', X264, { sound: 3 });
    const { frames, warnings } = await copy(file, { own: false });
    assert.equal(frames, 25);
    assert.match(warnings.join(), /^Expected picture and sound of about one length/);
  });
});
