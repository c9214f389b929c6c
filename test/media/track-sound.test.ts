import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { decode } from '../../functions/media/decode-sound.ts';
import { FfmpegError } from '../../functions/media/ffmpeg-error.ts';
import { probe } from '../../functions/media/probe.ts';
import { decodeSound, type SoundSource } from '../../functions/media/track-sound.ts';
import { makeFilm, makeSound } from '../fixtures/media/clips.ts';
import { wav } from '../fixtures/media/containers.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { probedSound } from '../fixtures/media/probed-sound.ts';
import { expectedTones, heard, level, tones } from '../fixtures/media/tones.ts';

const { signal } = new AbortController();

describe('a track or a spoken line', () => {
  const { ffmpeg, at } = useMedia();
  const out = () => at('out.s16le');
  const decoded = (file: string, more: Partial<SoundSource> = {}) =>
    decodeSound(ffmpeg, { file, out: out(), maxSeconds: 60, signal, ...more });

  /** As a track: probed first, and cut if it is too long. */
  async function track(file: string, more: Partial<SoundSource> = {}) {
    const { audio } = await probe(ffmpeg, file, { signal });
    assert.ok(audio !== null);
    return decoded(file, { audio, cut: true, ...more });
  }

  for (const [name, output, samples, slack] of [
    ['a.wav', [], 96_000, 0],
    ['mono.wav', ['-ac', '1', '-ar', '22050'], 96_000, 4],
    ['a.mp3', [], 96_000, 0],
    ['a.m4a', [], 96_000, 1_024],
    ['a.ogg', ['-c:a', 'libopus'], 96_000, 1_000],
    ['surround.flac', ['-ac', '6'], 96_000, 0],
  ] as const) {
    test(`decodes all of ${name} to 48 kHz stereo`, async () => {
      const found = await decoded(await makeSound(at(name), { seconds: 2, output }));
      assert.ok(Math.abs(found.samples - samples) <= slack, `${found.samples}`);
      assert.equal((await stat(at('out.s16le'))).size, found.samples * 4);
    });
  }

  test('takes nothing that begins only after what is kept of it', async () => {
    const file = at('late.mkv');
    await run(
      '-f',
      'lavfi',
      '-i',
      'color=s=64x64:r=30:d=3',
      '-itsoffset',
      '25',
      ...tones(1),
      '-c:a',
      'aac',
      file,
    );
    const found = await decode(ffmpeg, { file, out: out(), maxSeconds: 20 }, { signal, timeoutMs: 30_000 });
    assert.equal(found.samples, 0);
  });

  test('takes the sound of a film', async () => {
    assert.ok((await decoded(await makeFilm(at('film.mp4')), { audio: probedSound() })).samples > 47_000);
  });

  for (const [what, make, code] of [
    ['a film without sound', () => makeFilm(at('mute.mp4'), { sound: 'none' }), 'no_sound'],
    ['a sound of no length', () => makeSound(at('none.wav'), { output: ['-t', '0'] }), 'no_sound'],
    ['a page', () => page(), 'media_unreadable'],
    // Audio from a voice vendor arrives without being probed first.
    ['a playlist', () => written('list.mp3', '#EXTM3U\n#EXTINF:1,\nfilm.mp4\n'), 'media_unreadable'],
    ['a script', () => written('script.mp3', "ffconcat version 1.0\nfile 'film.mp4'\n"), 'media_unreadable'],
    [
      'a sample that lasts a second',
      () => written('1hz.wav', wav(Buffer.alloc(400_000), { rate: 1 })),
      'clip_too_long',
    ],
  ] as const) {
    test(`refuses ${what}`, async () => {
      const error = await decoded(await make()).catch((reason: unknown) => reason);
      assert.equal((error as { code: string }).code, code, `${error}`);
      assert.ok(!`${error}`.includes(at('')));
    });
  }

  /** A WAV of GSM 06.10 in Microsoft's packing: 65 bytes for 320 samples. */
  function gsm(frames: Buffer): Buffer {
    const whole = frames.subarray(0, frames.length - (frames.length % 65));
    const format = Buffer.alloc(20);
    for (const [offset, value] of [
      [0, 0x31],
      [2, 1],
      [12, 65],
      [16, 2],
      [18, 320],
    ] as const)
      format.writeUInt16LE(value, offset);
    format.writeUInt32LE(8_000, 4);
    format.writeUInt32LE(1_625, 8);
    const chunk = (name: string, bytes: Buffer) => {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(bytes.length);
      return Buffer.concat([Buffer.from(name), size, bytes]);
    };
    return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), chunk('data', whole)]));
  }

  const page = () => written('page.mp3', '<!doctype html><p>Sign in');

  async function written(name: string, bytes: string | Buffer): Promise<string> {
    await writeFile(at(name), bytes);
    return at(name);
  }

  test('refuses a sound that is too long, and accepts one that just fits', async () => {
    const file = await makeSound(at('two.wav'), { seconds: 2 });
    assert.equal((await decoded(file, { maxSeconds: 2 })).samples, 96_000);
    await assert.rejects(decoded(file, { maxSeconds: 1 }), { code: 'clip_too_long' });
  });

  for (const name of ['long.wav', 'long.mp3', 'long.m4a', 'long.flac']) {
    test(`gives the first part of music that is too long: ${name}`, async () => {
      const file = at(name);
      await run(...tones(2), '-ac', '2', file);
      assert.equal((await track(file, { maxSeconds: 1 })).samples, 48_000);
      assert.equal((await stat(out())).size, 48_000 * 4);
      assert.deepEqual(await heard(out()), expectedTones(4));
    });
  }

  for (const name of ['mono.wav', 'mono.flac', 'mono.mp3', 'mono.m4a', 'mono.mka', 'mono.caf']) {
    for (const probed of [true, false]) {
      test(`gives ${name} to both sides at its own level${probed ? '' : ' if it was not probed'}`, async () => {
        await run(...tones(1), at(name));
        await (probed ? track(at(name)) : decoded(at(name)));
        const levels = await level(out());
        assert.ok(
          levels.every((side) => Math.abs(side - 28) <= 1),
          `${levels}`,
        );
      });
    }
  }

  test('keeps the sides of stereo apart, to the last bit', async () => {
    await run('-f', 'lavfi', '-i', "aevalsrc='0.4*sin(999*t)|0.2*sin(555*t)':s=48000:d=0.5", at('sides.wav'));
    await track(at('sides.wav'));
    assert.deepEqual(await readFile(out()), (await readFile(at('sides.wav'))).subarray(-96_000));
  });

  for (const [name, coder] of [
    ['g722.wav', ['-c:a', 'g722', '-ar', '16000']],
    ['g726.wav', ['-c:a', 'g726', '-ar', '8000', '-b:a', '32k']],
  ] as const) {
    test(`plays ${name}, whose codec and decoder have different names`, async () => {
      await run(...tones(1), '-ac', '1', ...coder, at(name));
      assert.ok(Math.abs((await track(at(name))).samples - 48_000) < 400);
      assert.deepEqual(await heard(out()), expectedTones(4));
    });
  }

  test('plays GSM as telephones record it', async () => {
    // ffmpeg cannot write it: a header of our own, and frames of silence (GSM 06.10, 33 bytes for 160 samples).
    const frame = Buffer.concat([Buffer.from([0xd0]), Buffer.alloc(32)]);
    const file = await written(
      'gsm.wav',
      gsm(Buffer.concat(Array.from({ length: 50 }, () => [frame, frame]).flat())),
    );
    assert.ok((await track(file)).samples > 40_000);
  });

  for (const [name, coder] of [
    ['mp3', []],
    ['aac', ['-c:a', 'aac']],
  ] as const) {
    test(`neither loses nor adds anything where ${name} changes rate and channels`, async () => {
      const [first, second, both] = [at(`1.${name}`), at(`2.${name}`), at(`both.${name}`)];
      await run(...tones(1, 44_100), '-ac', '2', ...coder, first);
      await run(...tones(1, 48_000), '-ac', '1', ...coder, second);
      await writeFile(both, Buffer.concat([await readFile(first), await readFile(second)]));
      const lengths = [(await track(first)).samples, (await track(second)).samples] as const;
      const { samples } = await track(both);
      // Each file begins and ends with a packet of padding.
      assert.ok(Math.abs(samples - lengths[0] - lengths[1]) < 4_800, `${samples}, ${lengths}`);
      assert.deepEqual((await heard(out())).slice(0, 4), expectedTones(4));
      const rest = await Promise.all(
        [0, 1_200, 2_400, 3_600].map((more) => heard(out(), 0, lengths[0] + more)),
      );
      assert.ok(
        rest.some((found) => `${found.slice(0, 3)}` === `${expectedTones(3)}`),
        rest.join(' | '),
      );
    });
  }

  for (const [rate, count] of [
    [44_100, 1],
    [44_100, 10],
    [8_000, 1],
    [192_000, 2],
  ] as const) {
    test(`plays ${count} samples at ${rate} Hz, for which a resampler gives nothing`, async () => {
      const loud = Buffer.alloc(2 * count, Buffer.from([0, 0x40]));
      const file = await written(`${rate}-${count}.wav`, wav(loud, { rate, channels: 1 }));
      assert.equal((await track(file)).samples, Math.max(1, Math.round((count * 48_000) / rate)));
      assert.ok(Math.abs((await readFile(out())).readInt16LE(0)) > 2_000);
    });
  }

  test('plays Opus that is shorter than its lead-in', async () => {
    const file = at('short.opus');
    await run(...tones(1), '-af', 'atrim=end_sample=100', '-c:a', 'libopus', file);
    assert.equal((await track(file)).samples, 100);
  });

  test('names a codec that it has no decoder for', async () => {
    const file = await makeFilm(at('yamaha.avi'), {
      frames: 5,
      output: ['-c:a', 'adpcm_yamaha', '-ar', '44100'],
    });
    await assert.rejects(track(file), {
      code: 'media_unreadable',
      message:
        /^Expected sound that can be decoded .*, got adpcm_yamaha, .*\. Export it again as MP3, M4A or WAV\.$/,
    });
  });

  test('names a codec that the decoder refuses', async () => {
    const failed = { exitCode: 1, signal: null, exceeded: null, stderr: '', shortMessage: 'it is damaged' };
    const failing = { ...ffmpeg, run: () => Promise.reject(new FfmpegError(failed)) };
    const source = { file: '/nowhere', out: out(), audio: probedSound({ codec: 'alac' }), maxSeconds: 1 };
    await assert.rejects(decodeSound(failing, { ...source, signal }), {
      code: 'media_unreadable',
      message:
        'Expected sound in alac that can be decoded, got: it is damaged. Export it again as MP3, M4A or WAV.',
    });
  });

  test('asks for a file without encryption if it is encrypted', async () => {
    const audio = probedSound({ refused: 'aac, which is encrypted (SAMPLE-AES)', encrypted: true });
    await assert.rejects(decoded('/nowhere', { audio }), {
      code: 'media_unreadable',
      message: /, got aac, which is encrypted \(SAMPLE-AES\)\. Send a file without encryption \(DRM\)\.$/,
    });
  });
});
