import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readMediaInfo } from '../../functions/media/media-info.ts';

const INPUT = "Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:bytes':";
const DURATION = '  Duration: 00:01:02.50, start: 0.000000, bitrate: 371 kb/s';

/** The output of `ffmpeg -i` with these stream lines. */
function said(...streams: string[]): string {
  return [INPUT, '  Metadata:', '    title           : a film', DURATION, ...streams, 'Stream mapping:'].join(
    '\n',
  );
}

function video(line: string, ...below: string[]) {
  return readMediaInfo(said(`  Stream #0:0[0x1](und): Video: ${line}`, ...below))?.video;
}

describe('readMediaInfo', () => {
  test('reads an ordinary clip', () => {
    const info = readMediaInfo(
      said(
        '  Stream #0:0[0x1](und): Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, progressive), 1080x1920 [SAR 1:1 DAR 9:16], 288 kb/s, 29.97 fps, 29.97 tbr, 30k tbn (default)',
        '  Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, mono, fltp, 69 kb/s (default)',
      ),
    );
    assert.deepEqual(info, {
      seconds: 62.5,
      estimated: false,
      video: {
        stream: 0,
        width: 1080,
        height: 1920,
        fps: 29.97,
        codec: 'h264',
        interlaced: false,
        matrix: 'bt709',
        transfer: 'bt709',
        alpha: false,
      },
      still: false,
      audio: { stream: 1, rate: 44_100 },
      misleading: null,
      refused: new Set(),
    });
  });

  test('takes the streams that are marked as the default ones', () => {
    const h264 = 'h264 (High), yuv420p(tv), 64x64, 30 fps, 30 tbr, 30 tbn';
    const aac = 'aac (LC), 48000 Hz, stereo, fltp';
    const info = readMediaInfo(
      said(
        `  Stream #0:0: Video: ${h264}`,
        `  Stream #0:1(deu): Audio: ${aac}`,
        `  Stream #0:2(eng): Audio: ${aac} (default)`,
        `  Stream #0:3: Video: ${h264} (default)`,
      ),
    );
    assert.deepEqual([info?.video?.stream, info?.audio?.stream], [3, 2]);
  });

  for (const [what, line, below] of [
    ['a photo as HEIC', '    major_brand     : heic', ''],
    ['a photo as AVIF', '    major_brand     : avif', ''],
    [
      'Dolby Vision profile 5',
      '',
      '      DOVI configuration record: version: 1.0, profile: 5, level: 6, rpu flag: 1',
    ],
  ] as const) {
    test(`detects ${what}, but not a title that looks like it`, () => {
      const stream = '  Stream #0:0: Video: hevc (Main 10), yuv420p10le(tv), 64x64, 30 fps';
      const text = `${INPUT}\n  Metadata:\n${line}\n${DURATION}\n${stream}\n    Side data:\n${below}\n`;
      assert.match(readMediaInfo(text)?.misleading ?? '', new RegExp(what));
      const title = `    title           : ${line.trim()} ${below.trim()}`;
      assert.equal(
        readMediaInfo(`${INPUT}\n  Metadata:\n${title}\n${DURATION}\n${stream}\n`)?.misleading,
        null,
      );
    });
  }

  for (const [format, transparent] of [
    ['rgba(pc, gbr/unknown/unknown)', true],
    ['yuva444p12le(tv)', true],
    ['pal8(pc)', true],
    ['yuv420p(tv)', false],
    ['rgb24(pc)', false],
  ] as const) {
    test(`treats ${format} as ${transparent ? 'possibly transparent' : 'opaque'}`, () => {
      assert.equal(video(`png, ${format}, 64x64, 25 fps`)?.alpha, transparent);
    });
  }

  test('returns undefined for a file that ffmpeg did not open', () => {
    assert.equal(readMediaInfo('bytes: Invalid data found when processing input'), undefined);
    assert.equal(readMediaInfo(''), undefined);
  });

  test('has no length if the header has none', () => {
    assert.equal(readMediaInfo(`${INPUT}\n  Duration: N/A, bitrate: N/A\n`)?.seconds, null);
  });

  test('notes that ffmpeg guessed the length', () => {
    const guess = '[mp3 @ 0x1] Estimating duration from bitrate, this may be inaccurate\n';
    assert.equal(readMediaInfo(guess + said())?.estimated, true);
  });

  test('skips cover art at any position', () => {
    const art =
      'mjpeg (Baseline), yuvj420p(pc, bt470bg/unknown/unknown), 600x600, 90k tbr, 90k tbn (attached pic)';
    assert.equal(video(art), null);
    const film = '  Stream #0:2: Video: h264 (High), yuv420p, 320x240, 30 fps, 30 tbr, 15360 tbn';
    assert.equal(video(art, '  Stream #0:1: Audio: mp3, 44100 Hz, stereo, fltp', film)?.stream, 2);
  });

  test('skips streams that cannot be decoded', () => {
    const info = readMediaInfo(
      said(
        '  Stream #0:0(und): Audio: none (apac / 0x63617061), 48000 Hz, 4 channels, 300 kb/s',
        '  Stream #0:1(und): Data: none (mebx / 0x7862656D), 0 kb/s (default)',
        '  Stream #0:2(und): Audio: aac (LC), 48000 Hz, stereo, fltp',
      ),
    );
    assert.deepEqual(info?.audio, { stream: 2, rate: 48_000 });
    assert.equal(info?.video, null);
  });

  test('is not misled by the metadata of a file', () => {
    const title = '    title           :   Stream #0:7: Video: h264, yuv420p, 9x9, 30 fps';
    const second = '                    : Stream #0:8: Audio: aac, 48000 Hz, mono';
    const info = readMediaInfo([INPUT, '  Metadata:', title, second, DURATION].join('\n'));
    assert.deepEqual([info?.video, info?.audio], [null, null]);
  });

  test('does not mistake an output stream for an input stream', () => {
    const output = '\nOutput #0, framecrc, to pipe:\n  Stream #0:0: Video: h264, yuv420p, 320x240, 30 fps';
    assert.equal(readMediaInfo(said().replace('Stream mapping:', '') + output)?.video, null);
  });

  for (const [what, line, below, width, height] of [
    ['square samples', 'h264, yuv420p, 854x480 [SAR 1:1 DAR 427:240], 30 fps', '', 854, 480],
    ['wide samples', 'h264, yuv420p, 720x576 [SAR 64:45 DAR 16:9], 25 fps', '', 1024, 576],
    ['an unknown aspect', 'h264, yuv420p, 720x480 [SAR 0:1 DAR 0:1], 30 fps', '', 720, 480],
    ['no aspect', 'h264, yuv420p, 720x480, 30 fps', '', 720, 480],
    ['nothing after the size', 'vp8, yuv420p, 720x480', '', 720, 480],
    ['a turn to the left', 'hevc, yuv420p, 1920x1080, 30 fps', '-90.00', 1080, 1920],
    ['a turn to the right', 'hevc, yuv420p, 1920x1080 [SAR 1:2 DAR 8:9], 30 fps', '90.00', 1080, 960],
    ['upside down', 'hevc, yuv420p, 1920x1080, 30 fps', '-180.00', 1920, 1080],
  ] as const) {
    test(`displays ${what} as ${width}x${height}`, () => {
      const side = `        displaymatrix: rotation of ${below} degrees`;
      const found = video(line, ...(below === '' ? [] : ['      Side data:', side]));
      assert.deepEqual([found?.width, found?.height], [width, height]);
    });
  }

  for (const [line, fps] of [
    ['h264, yuv420p, 2x2, 25 fps, 50 tbr, 12800 tbn', 25],
    ['h264, yuv420p, 2x2, 1k fps, 1k tbr', 1000],
    ['vp8, yuv420p, 2x2, 29.25 tbr, 1k tbn', 29.25],
    ['vp8, yuv420p, 2x2', null],
  ] as const) {
    test(`reads the rate ${fps} from "${line}"`, () => assert.equal(video(line)?.fps, fps));
  }

  for (const [pixels, matrix, transfer, interlaced] of [
    ['yuv420p', null, null, false],
    ['yuv420p(progressive)', null, null, false],
    ['yuv420p(tv)', null, null, false],
    ['yuvj420p(pc, bt470bg/unknown/unknown)', 'bt470bg', null, false],
    ['yuv420p(tv, unknown/bt709/bt709)', null, 'bt709', false],
    ['yuv420p10le(tv, bt2020nc/bt2020/smpte2084)', 'bt2020nc', 'smpte2084', false],
    ['yuv420p10le(9 bpc, tv, bt2020nc/bt2020/arib-std-b67, progressive)', 'bt2020nc', 'arib-std-b67', false],
    ['yuv420p(tv, smpte170m, top first)', 'smpte170m', 'smpte170m', true],
    ['yuv422p(bottom coded first (swapped))', null, null, true],
  ] as const) {
    test(`reads the colours of ${pixels}`, () => {
      const found = video(`h264 (High) (avc1 / 0x31637661), ${pixels}, 320x240, 30 fps`);
      assert.deepEqual([found?.matrix, found?.transfer, found?.interlaced], [matrix, transfer, interlaced]);
    });
  }

  test('sees that a picture is transparent', () => {
    assert.equal(
      video('vp9 (Profile 0), yuv420p(tv), 2x2, 60 fps', '    Metadata:', '        alpha_mode      : 1')
        ?.alpha,
      true,
    );
  });
});
