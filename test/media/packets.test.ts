import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ListedStream, MAX_PACKETS, PacketReader } from '../../functions/media/packets.ts';

const HEADER = `#software: Lavf61
#tb 0: 1/1000
#media_type 0: video
#codec_id 0: h264
#dimensions 0: 720x576
#sar 0: 64/45
#tb 1: 1/48000
#media_type 1: audio
#codec_id 1: aac
#sample_rate 1: 48000
#channel_layout_name 1: stereo
`;

function read(framecrc: string): ListedStream[] {
  const reader = new PacketReader();
  for (const line of framecrc.split('\n')) reader.add(line);
  return reader.streams();
}

describe('PacketReader', () => {
  test('reads both streams, their packets in the order of presentation', () => {
    const list = `${HEADER}0,          0,         40,       40,     4946, 0x4d575784
0,         40,          0,       40,     1960, 0x6ac0d3c9, F=0x0
1,          0,          0,     1024,      256, 0xe85a7828, F=0x5, S=1,       10
1,       1024,       1024,      512,      256, 0xe85a7828
`;
    const [film, sound] = read(list);
    assert.deepEqual(film, {
      ...{ kind: 'video', codec: 'h264', width: 720, height: 576, sampleAspect: 64 / 45 },
      ...{ sampleRate: 0, channels: 0, layout: '', times: Float64Array.of(0, 0.04), shown: 2, filled: 2 },
      ...{
        end: 0.08,
        filledEnd: 0.08,
        lastSeconds: 0.04,
        restarted: new Float64Array(),
        extras: false,
        cut: 0,
        discarded: 0,
      },
    });
    assert.deepEqual(sound, {
      ...{ kind: 'audio', codec: 'aac', width: 0, height: 0, sampleAspect: 1, sampleRate: 48_000 },
      ...{
        channels: 0,
        layout: 'stereo',
        times: Float64Array.of(0, 1024 / 48_000),
        shown: 2,
        filled: 2,
        end: 1536 / 48_000,
        filledEnd: 1536 / 48_000,
        lastSeconds: 1536 / 48_000 - 1024 / 48_000,
        restarted: new Float64Array(),
        extras: true,
        cut: 1,
        discarded: 1,
      },
    });
  });

  test('leaves out packets that an edit list removes', () => {
    const [film] = read(`${HEADER}0, -80, -80, 40, 1, 0x0\n0, -40, -40, 40, 1, 0x0\n0, 0, 0, 40, 1, 0x0\n`);
    assert.deepEqual([film?.times, film?.end, film?.shown, film?.filled], [Float64Array.of(0), 0.04, 1, 3]);
  });

  for (const flags of ['0x4', '0x5', '0x1C', '0x7']) {
    test(`leaves out a packet with the flags ${flags}, which is decoded only because others need it`, () => {
      const [film] = read(`${HEADER}0, 0, 0, 40, 9, 0x0\n0, 40, 40, 40, 9, 0x4, F=${flags}, S=1, 10\n`);
      assert.deepEqual([film?.times, film?.end, film?.filled], [Float64Array.of(0), 0.04, 2]);
    });
  }

  for (const flags of ['0x0', '0x3', '0x41', '0x8']) {
    test(`counts a packet with the flags ${flags}`, () => {
      assert.equal(read(`${HEADER}0, 0, 0, 40, 9, 0x4, F=${flags}\n`)[0]?.shown, 1);
    });
  }

  test('counts frames that AVI repeats', () => {
    const [film] = read(`${HEADER}0, 0, 0, 40, 9, 0x0\n0, 40, 40, 40, 0, 0x0\n`);
    assert.deepEqual([film?.times.length, film?.shown, film?.end, film?.filledEnd], [2, 1, 0.08, 0.04]);
  });

  test('leaves out the times of a second recording that begin anew, and counts its frames', () => {
    const line = (time: number) => `0, ${time}, ${time}, 40, 9, 0x0\n`;
    const [film] = read(HEADER + [0, 40, 80].map(line).join('') + line(80).repeat(9));
    assert.deepEqual(
      [film?.times, film?.restarted, film?.shown],
      [Float64Array.of(0, 0.04, 0.08), new Float64Array(9).fill(0.08), 12],
    );
  });

  test('counts a few frames at one time as frames', () => {
    const [film] = read(HEADER + '0, 40, 40, 40, 9, 0x0\n'.repeat(5));
    assert.deepEqual([film?.times.length, film?.restarted.length], [5, 0]);
  });

  test('uses the decoding order if no presentation time is known', () => {
    const [film] = read(`${HEADER}0, 40, -9223372036854775808, 40, 1, 0x0\n`);
    assert.deepEqual(film?.times, Float64Array.of(0.04));
  });

  for (const [layout, channels] of [
    ['9 channels', 9],
    ['512 channels (FL+FR)', 512],
    ['ambisonic 7', 64],
    ['7.1', 0],
  ] as const) {
    test(`counts ${channels} channels without a name in ${layout}`, () => {
      assert.equal(read(HEADER.replace('stereo', layout))[1]?.channels, channels);
    });
  }

  test('returns nothing for empty output', () => assert.deepEqual(read(''), []));

  test('refuses a list that has no end, at the first packet too many', () => {
    const reader = new PacketReader();
    for (const line of HEADER.split('\n')) reader.add(line);
    for (let count = 0; count < MAX_PACKETS; count++) reader.add('1, 5, 5, 1, 1, 0x0');
    assert.throws(() => reader.add('1, 5, 5, 1, 1, 0x0'), { code: 'media_unreadable' });
  });
});
