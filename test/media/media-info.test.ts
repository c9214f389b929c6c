import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type MediaInfo, readMediaInfo } from '../../functions/media/media-info.ts';
import type { ListedStream } from '../../functions/media/packets.ts';

const FILE = '/data/work-Xy12ab/bytes';
const INPUT = `Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:${FILE}':`;
const DURATION = '  Duration: 00:01:02.50, start: 0.000000, bitrate: 371 kb/s';
const SEPARATOR = ' 0b5c ';

interface Said {
  /** "Video: h264 (High)|yuv420p|64x64": fields of the output's line, or "Audio: ...". */
  line: string;
  /** Index in the file; as in the output if absent. */
  stream?: number;
  below?: string[];
  facts?: Partial<ListedStream>;
}

/** What a run prints about streams, with its list of packets. `dump` is what it prints about the file itself. */
function info(
  streams: Said[],
  { dump = [DURATION], before = '', input = INPUT } = {},
): MediaInfo | undefined {
  const stderr = [
    ...[before, input, ...dump, 'Stream mapping:'].filter((line) => line !== ''),
    ...streams.map(({ stream }, at) => `  Stream #0:${stream ?? at} -> #0:${at} (copy)`),
    "Output #0, framecrc, to 'pipe:':",
    ...streams.flatMap(({ line, below = [] }, at) => [
      `  Stream #0:${at}: ${line.replaceAll('|', SEPARATOR)}`,
      ...below,
    ]),
    'Press [q] to stop, [?] for help',
    'size=      15KiB time=00:00:02.00 bitrate=  61.3kbits/s speed=1.17e+03x',
  ].join('\n');
  const listed = streams.map(({ line, facts }): ListedStream => {
    const [, kind = '', codec = ''] = /^(\w+): (\w+)/.exec(line) ?? [];
    const video = kind === 'Video';
    return {
      ...{ kind: video ? 'video' : 'audio', codec, width: video ? 64 : 0, height: video ? 64 : 0 },
      ...{ sampleAspect: 1, sampleRate: video ? 0 : 48_000, channels: video ? 0 : 2 },
      layout: video ? '' : 'stereo',
      ...{
        times: Float64Array.of(),
        shown: 0,
        filled: 0,
        end: 0,
        filledEnd: 0,
        lastSeconds: 0,
        restarted: new Float64Array(),
        extras: false,
        cut: 0,
        discarded: 0,
        ...facts,
      },
    };
  });
  return readMediaInfo({ stderr, file: FILE, separator: SEPARATOR, listed });
}
const film = (line: string, more: Partial<Said> = {}) => info([{ line: `Video: ${line}`, ...more }])?.video;

describe('readMediaInfo', () => {
  test('reads an ordinary clip', () => {
    const found = info([
      {
        line: 'Video: h264 (High) (avc1 / 0x31637661)|yuv420p(tv, bt709, progressive)|1080x1920, q=2-31, 288 kb/s|29.97 fps, 29.97 tbr, 30k tbn (default)',
        facts: { width: 1080, height: 1920 },
      },
      { line: 'Audio: aac (LC) (mp4a / 0x6134706D)|44100 Hz, mono, fltp, 69 kb/s (default)' },
    ]);
    assert.deepEqual(found, {
      format: 'mov,mp4,m4a,3gp,3g2,mj2',
      messages:
        '\nPress [q] to stop, [?] for help\nsize=      15KiB time=00:00:02.00 bitrate=  61.3kbits/s speed=1.17e+03x',
      seconds: 62.5,
      estimated: false,
      video: {
        stream: 0,
        width: 1080,
        height: 1920,
        fps: 29.97,
        pixels: 1080 * 1920,
        codec: 'h264',
        interlaced: false,
        stored: { pixels: 'yuv420p', fullRange: false, turned: false, square: true, sideData: false },
        matrix: 'bt709',
        gray: null,
        transfer: 'bt709',
        alpha: false,
      },
      still: false,
      audio: {
        ...{ stream: 1, layout: 'stereo', codec: 'aac (LC)' },
        ...{ refused: null, encrypted: false },
      },
      misleading: null,
      refused: new Set(),
    });
  });

  test('takes the streams that are marked as the default ones', () => {
    const found = info([
      { line: 'Video: h264|yuv420p(tv)|64x64|30 fps' },
      { line: 'Audio: aac|48000 Hz, stereo', stream: 3 },
      { line: 'Audio: aac|48000 Hz, stereo (default)', stream: 5 },
      { line: 'Video: h264|yuv420p(tv)|64x64|30 fps (default)', stream: 7 },
    ]);
    assert.deepEqual([found?.video?.stream, found?.audio?.stream], [7, 5]);
  });

  test('detects Dolby Vision profile 5, but not a title that looks like it', () => {
    const dovi = '        DOVI configuration record: version: 1.0, profile: 5, level: 6, rpu flag: 1';
    const line = 'Video: hevc (Main 10)|yuv420p10le(tv)|64x64|30 fps';
    assert.match(info([{ line, below: ['      Side data:', dovi] }])?.misleading ?? '', /profile 5/);
    assert.equal(info([{ line }], { dump: ['  Metadata:', dovi, DURATION] })?.misleading, null);
  });

  for (const [format, transparent] of [
    ['rgba(pc, gbr/unknown/unknown)', true],
    ['yuva444p12le(tv)', true],
    ['pal8(pc)', true],
    ['yuv420p(tv)', false],
    ['rgb24(pc)', false],
  ] as const) {
    test(`treats ${format} as ${transparent ? 'possibly transparent' : 'opaque'}`, () => {
      assert.equal(film(`png|${format}|64x64|25 fps`)?.alpha, transparent);
    });
  }

  test('returns undefined for a file that ffmpeg did not open', () => {
    const printed = { file: FILE, separator: SEPARATOR, listed: [] };
    for (const stderr of [
      'bytes: Invalid data found when processing input',
      '',
      `title, from 'file:${FILE}':`,
    ]) {
      assert.equal(readMediaInfo({ ...printed, stderr }), undefined);
    }
  });

  test('has no length if the header has none', () => {
    assert.equal(info([], { dump: ['  Duration: N/A, bitrate: N/A'] })?.seconds, null);
  });

  test('notes that ffmpeg guessed the length', () => {
    const before = '[mp3 @ 0x1] Estimating duration from bitrate, this may be inaccurate';
    const input = `Input #0, mp3, from 'file:${FILE}':`;
    assert.equal(info([], { before, input })?.estimated, true);
    assert.equal(info([], { input, dump: [before, DURATION] })?.estimated, false);
    // A Matroska file has a length, and its type may be any text.
    assert.equal(info([], { before })?.estimated, false);
  });

  test('prefers sound that can be decoded, and says of other sound what it is', () => {
    const found = info([
      { line: 'Audio: none (apac / 0x63617061)|48000 Hz, 4 channels, 300 kb/s' },
      { line: 'Audio: aac (LC)|48000 Hz, stereo, fltp', stream: 2 },
    ]);
    assert.deepEqual([found?.audio?.stream, found?.audio?.refused], [2, null]);
    assert.equal(found?.video, null);
  });

  for (const [line, before, named] of [
    ['Audio: none (apac / 0x63617061)|48000 Hz', '', 'apac'],
    ['Audio: none ([77][2][0][0] / 0x024D)|48000 Hz', '', '0x024D'],
    ['Audio: none|48000 Hz', '[matroska @ 0x1] Unknown/unsupported AVCodecID A_AC4.', 'A_AC4'],
    ['Audio: none|48000 Hz', '', 'an unknown codec'],
    ['Audio: none (ac-4 / 0x342D6361)|48000 Hz', '', 'ac-4'],
    ['Audio: truehd|48000 Hz', '', 'truehd'],
    [
      'Audio: aac (mp4a / 0x6134706D)|48000 Hz',
      '[aac @ 0x1] Audio object type 42 is not implemented.',
      'aac (xHE-AAC)',
    ],
    ['Audio: mpegh_3d_audio (mha1 / 0x3161686D)|48000 Hz', '', 'mpegh_3d_audio'],
  ] as const) {
    test(`names the codec ${named}, and does not decode it`, () => {
      const audio = info([{ line }], { before })?.audio;
      assert.deepEqual(
        [audio?.codec, audio?.refused],
        [named, `${named}, for which there is no decoder here`],
      );
    });
  }

  for (const [line, named] of [
    ['Audio: dts (DTS-HD MA)|48000 Hz', 'dts (DTS-HD MA)'],
    ['Audio: adpcm_g726 (E[0][0][0] / 0x0045)|8000 Hz', 'adpcm_g726'],
    ['Audio: mp3|44100 Hz', 'mp3'],
    ['Audio: amr_nb (samr / 0x726D6173)|8000 Hz', 'amr_nb'],
  ] as const) {
    test(`decodes ${named}, whatever its decoder is called`, () => {
      const audio = info([{ line }])?.audio;
      assert.deepEqual([audio?.codec, audio?.refused], [named, null]);
    });
  }

  for (const [facts, refused] of [
    [{ sampleRate: 1 }, 'aac of 1 samples a second'],
    [{ sampleRate: 10 ** 9 }, 'aac of 1000000000 samples a second'],
    [{ channels: 64 }, 'aac of 64 channels'],
  ] as const) {
    test(`does not decode ${refused}`, () => {
      assert.equal(info([{ line: 'Audio: aac|x', facts }])?.audio?.refused, refused);
    });
  }

  for (const [what, forged] of [
    [
      'stream lines',
      ['  Stream #0:7: Video: h264|yuv420p|9x9|30 fps', '  Stream #0:8: Audio: aac|48000 Hz, mono'],
    ],
    [
      'an output',
      ["Output #0, framecrc, to 'pipe:':", '  Stream #0:0: Video: h264, yuv420p, 9x9, 30 fps (default)'],
    ],
    ['a mapping', ['Stream mapping:', '  Stream #0:9 -> #0:0 (copy)']],
    ['another file', ["Input #0, mpegts, from 'file:/data/bytes':"]],
    ['a turned picture', ['      Side data:', '        displaymatrix: rotation of 90.00 degrees']],
    ['transparency', ['        alpha_mode      : 1']],
    [
      'a broken file',
      ['[mov @ 0x1] partial file', '[mjpeg @ 0x1] overread 8', 'Codec (h264) not on whitelist'],
    ],
  ] as const) {
    test(`is not misled by metadata that looks like ${what}`, () => {
      const streams = [
        { line: 'Video: vp9|yuv420p(tv)|64x48|30 fps', stream: 2, facts: { width: 64, height: 48 } },
      ];
      const honest = info(streams);
      assert.deepEqual(info(streams, { dump: ['  Metadata:', ...forged, DURATION] }), honest);
      assert.equal(honest?.video?.stream, 2);
    });
  }

  test('knows no length if metadata looks like one, because nothing tells them apart', () => {
    for (const forged of [
      '  Duration: 99:00:00.00, start: 0.0, bitrate: 1 kb/s',
      '  Duration: N/A, bitrate: N/A',
    ]) {
      assert.equal(info([], { dump: [forged, DURATION] })?.seconds, null);
      assert.equal(info([], { dump: [DURATION, '  Chapters:', forged] })?.seconds, null);
    }
  });

  test('knows no length if so much was printed that lines were left out', () => {
    assert.equal(info([], { dump: ['... 7 lines left out ...', DURATION] })?.seconds, null);
  });

  for (const [what, facts, turn, width, height] of [
    ['square samples', { width: 854, height: 480 }, '', 854, 480],
    ['wide samples', { width: 720, height: 576, sampleAspect: 64 / 45 }, '', 1024, 576],
    ['a turn to the left', { width: 1920, height: 1080 }, '-90.00', 1080, 1920],
    ['a turn to the right', { width: 1920, height: 1080, sampleAspect: 0.5 }, '90.00', 1080, 960],
    ['upside down', { width: 1920, height: 1080 }, '-180.00', 1920, 1080],
  ] as const) {
    test(`displays ${what} as ${width}x${height}`, () => {
      const side = ['      Side data:', `        displaymatrix: rotation of ${turn} degrees`];
      const found = film('hevc|yuv420p|30 fps', { facts, below: turn === '' ? [] : side });
      assert.deepEqual([found?.width, found?.height], [width, height]);
    });
  }

  for (const [line, fps] of [
    ['h264|yuv420p|2x2|25 fps, 50 tbr, 12800 tbn', 25],
    ['h264|yuv420p|2x2|1k fps, 1k tbr', 1000],
    ['vp8|yuv420p|2x2|29.25 tbr, 1k tbn', 29.25],
    ['vp8|yuv420p|2x2', null],
  ] as const) {
    test(`reads the rate ${fps} from "${line}"`, () => assert.equal(film(line)?.fps, fps));
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
      const found = film(`h264 (High) (avc1 / 0x31637661)|${pixels}|320x240|30 fps`);
      assert.deepEqual([found?.matrix, found?.transfer, found?.interlaced], [matrix, transfer, interlaced]);
    });
  }

  test('sees that a picture is transparent: its tag says so, and its packets carry more than the picture', () => {
    const dump = ['    Metadata:', '        alpha_mode      : 1', DURATION];
    const line = 'Video: vp9 (Profile 0)|yuv420p(tv)|2x2|60 fps';
    assert.equal(info([{ line, facts: { extras: true } }], { dump })?.video?.alpha, true);
    assert.equal(info([{ line }], { dump })?.video?.alpha, false);
    assert.equal(info([{ line, facts: { extras: true } }])?.video?.alpha, false);
  });
});
