import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import { probeArguments } from '../../functions/media/examine.ts';
import { probe } from '../../functions/media/probe.ts';
import type { Probe } from '../../functions/model/probe.ts';
import { makeFilm, makeSound, makeTruncated } from '../fixtures/media/clips.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { probedSound } from '../fixtures/media/probed-sound.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';

const { signal } = new AbortController();

test('an external file is opened only from disk, by allow-listed demuxers', () => {
  const args = probeArguments('/data/bytes', 'mark', ['0:V?']);
  const input = args.indexOf('-i');
  assert.equal(args[input + 1], 'file:/data/bytes');
  assert.ok(args.indexOf('-protocol_whitelist') < input);
  assert.equal(args[args.indexOf('-protocol_whitelist') + 1], 'file');
  const demuxers = args[args.indexOf('-format_whitelist') + 1]?.split(',') ?? [];
  assert.ok(demuxers.includes('mov'));
  for (const dangerous of ['concat', 'hls', 'image2', 'sdp', 'dash', 'lavfi']) {
    assert.ok(!demuxers.includes(dangerous), dangerous);
  }
  assert.ok(args.indexOf('-max_pixels') < input);
});

const YAMAHA = 'adpcm_yamaha, for which there is no decoder here';

describe('probe', () => {
  const { ffmpeg, at } = useMedia();
  const probed = (file: string): Promise<Probe> => probe(ffmpeg, file, { signal });

  async function refused(file: string, code: string, message: RegExp): Promise<void> {
    const error = await probed(file).catch((reason: unknown) => reason);
    assert.ok(PermanentError.is(error), `${error}`);
    assert.equal(error.code, code);
    assert.equal(error.stage, 'probe');
    assert.match(error.message, message);
    assert.ok(!error.message.includes(at('')), error.message);
  }

  test('reads size, rate, length and sound of a clip', async () => {
    const file = await makeFilm(at('a.mp4'), { size: '320x180', rate: '30000/1001', frames: 45 });
    const found = await probed(file);
    const seconds = found.video?.seconds ?? 0;
    assert.equal(seconds.toFixed(6), '1.501500');
    assert.deepEqual(found, {
      seconds: 1.5,
      video: probedVideo({
        ...{ width: 320, height: 180, rate: { num: 30000, den: 1001 } },
        ...{ steady: true, seconds, packets: 45, pixels: 320 * 180 },
      }),
      audio: probedSound({ seconds: 1.501, discarded: 1 }),
    });
  });

  test('counts the last frame of a film that outlasts its sound', async () => {
    const film = await makeFilm(at('long.mp4'), { frames: 40, sound: 'none' });
    const file = at('outlasts.mp4');
    await run('-i', film, '-f', 'lavfi', '-i', 'sine=d=1', '-c:v', 'copy', file);
    assert.equal((await probed(file)).video?.packets, 40);
  });

  for (const [name, output, seconds] of [
    ['t.mp3', [], 2],
    ['t.m4a', [], 2],
    ['t.wav', [], 2],
    // Raw AAC has no header, so ffmpeg guesses its length from the bit rate.
    ['t.aac', [], 2],
  ] as const) {
    test(`takes the length of ${name} from its packets`, async () => {
      const file = await makeSound(at(name), { seconds, output });
      const found = await probed(file);
      assert.equal(found.video, null);
      assert.equal(found.audio?.stream, 0);
      assert.equal(found.audio.seconds, found.seconds);
      assert.ok(Math.abs((found.seconds ?? 0) - seconds) < 0.06, `${found.seconds}`);
    });
  }

  test('does not mistake cover art for video', async () => {
    const sound = await makeSound(at('plain.mp3'));
    const file = at('cover.mp3');
    const picture = ['-f', 'lavfi', '-i', 'color=c=red:s=64x64'];
    const output = ['-map', '0:a', '-map', '1:v', '-frames:v', '1', '-c:a', 'copy', '-c:v', 'png'];
    await run('-i', sound, ...picture, ...output, '-disposition:v', 'attached_pic', file);
    assert.equal((await probed(file)).video, null);
  });

  test('accepts a film without sound', async () => {
    assert.equal((await probed(await makeFilm(at('mute.mp4'), { sound: 'none' }))).audio, null);
  });

  test('swaps the size of a rotated clip', async () => {
    const film = await makeFilm(at('flat.mp4'));
    const file = at('turned.mp4');
    await run('-display_rotation', '90', '-i', film, '-c', 'copy', file);
    const { video } = await probed(file);
    assert.deepEqual([video?.width, video?.height], [90, 160]);
  });

  test('opens a path with blanks, quotes, percent signs and other scripts', async () => {
    const file = await makeFilm(at('a.mp4'));
    const odd = at(`it's "ä" %03d 日本 'x'.mp4`);
    await run('-i', file, '-c', 'copy', `file:${odd}`);
    assert.equal((await probed(odd)).video?.packets, 30);
  });

  for (const [what, name, bytes] of [
    ['a page', 'page.mp4', '<!doctype html><html><body>Sign in</body></html>'],
    ['nothing', 'empty.mp4', ''],
    ['an ffconcat list', 'list.mp4', "ffconcat version 1.0\nfile 'a.mp4'\n"],
    ['a playlist', 'playlist.m3u8', '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n'],
    [
      'a playlist named as a film',
      'hls.mp4',
      '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.mp4\n#EXT-X-ENDLIST\n',
    ],
    ['subtitles', 'subtitles.mp4', '[Script Info]\nScriptType: v4.00+\n[Events]\n'],
  ] as const) {
    test(`refuses ${what}`, async () => {
      await makeFilm(at('a.mp4'));
      await writeFile(at(name), bytes);
      await refused(
        at(name),
        'media_unreadable',
        /Expected a video or audio file.* got: .*Check that the file plays, and that a link leads/,
      );
    });
  }

  test('refuses video without an allow-listed decoder, and names its codec', async () => {
    const output = ['-c:v', 'cinepak', '-f', 'mov'];
    const film = await makeFilm(at('cinepak.mp4'), { size: '160x96', frames: 5, output });
    await refused(film, 'media_unreadable', /a picture coded as cinepak, which is not accepted/);
  });

  test('says of sound without an allow-listed decoder what it is, and keeps the picture', async () => {
    const output = ['-c:a', 'adpcm_yamaha', '-ar', '44100'];
    const found = await probed(await makeFilm(at('yamaha.avi'), { frames: 10, output }));
    assert.deepEqual([found.video?.packets, found.audio?.refused], [10, YAMAHA]);
  });

  test('detects a still picture by its bytes, and refuses one of another format', async () => {
    const picture = ['-f', 'lavfi', '-i', 'color=c=red:s=64x64', '-frames:v', '1'];
    await run(...picture, at('still.png'));
    assert.equal((await probed(at('still.png'))).video?.still, true);
    await run(...picture, at('still.bmp'));
    await refused(at('still.bmp'), 'media_unreadable', /format bmp, which is not accepted/);
  });

  for (const name of ['huge.gif', 'huge.mp4']) {
    test(`refuses a picture that would take all memory: ${name}`, async () => {
      const picture = ['-f', 'lavfi', '-i', 'color=red:s=8000x5200', '-frames:v', '1'];
      await run(
        ...picture,
        ...(name.endsWith('mp4') ? ['-c:v', 'libx264', '-preset', 'ultrafast'] : []),
        at(name),
      );
      await refused(at(name), 'media_unreadable', /at most 40 million pixels, got 8000x5200/);
    });
  }

  test('refuses an upload that was cut off', async () => {
    const whole = await makeFilm(at('whole.mp4'), { frames: 90, output: ['-movflags', '+faststart'] });
    const file = await makeTruncated(at('broken.mp4'), whole, 0.4);
    await refused(file, 'media_truncated', /Expected 3\.0 s, as the file's header says, got [01]\.\d s/);
  });

  test('refuses an upload that was cut off before its index', async () => {
    const whole = await makeFilm(at('late-index.mp4'), { frames: 60 });
    const file = await makeTruncated(at('no-index.mp4'), whole, 0.5);
    await refused(file, 'media_truncated', /Expected an MP4 with an index/);
  });

  test('accepts a film that ends long before its sound', async () => {
    const film = await makeFilm(at('short.mp4'), { frames: 15, sound: 'none' });
    const sound = await makeSound(at('long.m4a'), { seconds: 4 });
    const file = at('uneven.mp4');
    await run('-i', film, '-i', sound, '-c', 'copy', file);
    assert.equal((await probed(file)).video?.seconds, 0.5);
  });
});
