import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkTargets, resultOf, type VideoFacts } from '../../functions/model/target-checks.ts';
import { CHECK_IDS, type Rule, TARGET_LIMITS } from '../../functions/model/target-limits.ts';
import { sumOfTallies } from '../../functions/model/target-tally.ts';
import { targetLine, targetViews } from '../../functions/model/target-texts.ts';
import { TARGETS, type Target } from '../../functions/model/targets.ts';

/** Keeps everything that any platform writes and advises, but for the bit rate of the sound, on which they differ. */
const GOOD: VideoFacts = {
  bytes: 20_000_000,
  isIndexFirst: true,
  editLists: 0,
  codec: 'H.264',
  profile: 'High',
  chroma: '4:2:0',
  isProgressive: true,
  pixelAspect: '1:1',
  width: 1080,
  height: 1920,
  fps: 30,
  seconds: 15,
  bitsPerSecond: 8_000_000,
  peakBitsPerSecond: 12_000_000,
  gopSeconds: 0.5,
  isSilent: false,
  audioCodec: 'AAC-LC',
  sampleRate: 48_000,
  channels: 2,
  audioBitsPerSecond: 128_000,
  loudness: -14,
  truePeak: -1.5,
};

type Facts = Partial<VideoFacts>;
type Row = readonly [target: Target, id: string, otherwise: 'note' | 'missed', edge: Facts, beyond: Facts];

const CONVENTIONS = (target: Target): Row[] => [
  [target, 'loudness', 'note', { loudness: -15 }, { loudness: -15.1 }],
  [target, 'loudness', 'note', { loudness: -13 }, { loudness: -12.9 }],
  [target, 'true_peak', 'note', { truePeak: -1 }, { truePeak: -0.9 }],
];
const YOUTUBE = (target: Target): Row[] => [
  [target, 'edit_lists', 'missed', { editLists: 0 }, { editLists: 1 }],
  [target, 'index_first', 'missed', { isIndexFirst: true }, { isIndexFirst: false }],
  [target, 'codec', 'missed', { codec: 'H.264' }, { codec: 'HEVC' }],
  [target, 'profile', 'note', { profile: 'High' }, { profile: 'Main' }],
  [target, 'chroma', 'note', { chroma: '4:2:0' }, { chroma: '4:2:2' }],
  [target, 'progressive', 'missed', { isProgressive: true }, { isProgressive: false }],
  [target, 'pixel_aspect', 'note', { pixelAspect: '1:1' }, { pixelAspect: 'not 1:1' }],
  [target, 'gop', 'note', { gopSeconds: 0.5 }, { gopSeconds: 0.501 }],
  [target, 'file_size', 'missed', { bytes: 256_000_000_000 }, { bytes: 256_000_000_001 }],
  [target, 'audio_codec', 'missed', { audioCodec: 'AAC-LC' }, { audioCodec: 'HE-AAC' }],
  [target, 'sample_rate', 'missed', { sampleRate: 48_000 }, { sampleRate: 44_100 }],
  [target, 'sample_rate', 'missed', { sampleRate: 96_000 }, { sampleRate: 96_001 }],
  [target, 'channels', 'missed', { channels: 2 }, { channels: 1 }],
  [target, 'channels', 'missed', { channels: 6 }, { channels: 8 }],
  [target, 'audio_bitrate', 'note', { audioBitsPerSecond: 384_000 }, { audioBitsPerSecond: 383_999 }],
  ...CONVENTIONS(target),
];

/** Written out, so that a mistyped constant is seen: what is still right, and what no longer is. */
const EDGES: readonly Row[] = [
  ['reels', 'edit_lists', 'missed', { editLists: 0 }, { editLists: 1 }],
  ['reels', 'index_first', 'missed', { isIndexFirst: true }, { isIndexFirst: false }],
  ['reels', 'codec', 'missed', { codec: 'HEVC' }, { codec: 'AV1' }],
  ['reels', 'chroma', 'missed', { chroma: '4:2:0' }, { chroma: '4:2:2' }],
  ['reels', 'progressive', 'missed', { isProgressive: true }, { isProgressive: false }],
  ['reels', 'columns', 'missed', { width: 1920 }, { width: 1922 }],
  ['reels', 'aspect_ratio', 'missed', { width: 1000, height: 100 }, { width: 1002, height: 100 }],
  ['reels', 'aspect_ratio', 'missed', { width: 10, height: 1000 }, { width: 10, height: 1001 }],
  ['reels', 'shape', 'note', { width: 606, height: 1080 }, { width: 604, height: 1080 }],
  ['reels', 'shape', 'note', { width: 608, height: 1080 }, { width: 610, height: 1080 }],
  ['reels', 'fps', 'missed', { fps: 23 }, { fps: 22.999 }],
  ['reels', 'fps', 'missed', { fps: 60 }, { fps: 60.001 }],
  ['reels', 'bitrate', 'missed', { bitsPerSecond: 25_000_000 }, { bitsPerSecond: 25_000_001 }],
  ['reels', 'bitrate_peak', 'note', { peakBitsPerSecond: 25_000_000 }, { peakBitsPerSecond: 25_000_001 }],
  ['reels', 'length', 'missed', { seconds: 3 }, { seconds: 2.999 }],
  ['reels', 'length', 'missed', { seconds: 900 }, { seconds: 900.001 }],
  ['reels', 'file_size', 'missed', { bytes: 300_000_000 }, { bytes: 300_000_001 }],
  ['reels', 'audio_codec', 'missed', { audioCodec: 'AAC-LC' }, { audioCodec: 'Opus' }],
  ['reels', 'sample_rate', 'missed', { sampleRate: 48_000 }, { sampleRate: 48_001 }],
  ['reels', 'channels', 'missed', { channels: 1 }, { channels: 0 }],
  ['reels', 'channels', 'missed', { channels: 2 }, { channels: 3 }],
  ['reels', 'audio_bitrate', 'note', { audioBitsPerSecond: 128_000 }, { audioBitsPerSecond: 128_001 }],
  ...CONVENTIONS('reels'),
  ['tiktok', 'size', 'missed', { width: 540, height: 960 }, { width: 538, height: 960 }],
  ['tiktok', 'size', 'missed', { width: 540, height: 960 }, { width: 540, height: 958 }],
  ['tiktok', 'size', 'missed', { width: 640, height: 640 }, { width: 638, height: 638 }],
  ['tiktok', 'size', 'missed', { width: 960, height: 540 }, { width: 958, height: 540 }],
  ['tiktok', 'shape', 'note', { width: 1080, height: 1080 }, { width: 1080, height: 1350 }],
  ['tiktok', 'shape', 'note', { width: 1920, height: 1080 }, { width: 1440, height: 1080 }],
  ['tiktok', 'bitrate', 'missed', { bitsPerSecond: 516_000 }, { bitsPerSecond: 515_999 }],
  ['tiktok', 'bitrate_advice', 'note', { bitsPerSecond: 2_500_000 }, { bitsPerSecond: 2_499_999 }],
  ['tiktok', 'length', 'missed', { seconds: 600 }, { seconds: 600.001 }],
  ['tiktok', 'length_advice', 'note', { seconds: 5 }, { seconds: 4.999 }],
  ['tiktok', 'length_advice', 'note', { seconds: 60 }, { seconds: 60.001 }],
  ['tiktok', 'file_size', 'missed', { bytes: 500_000_000 }, { bytes: 500_000_001 }],
  ['tiktok', 'sound', 'missed', { isSilent: false }, { isSilent: true }],
  ...CONVENTIONS('tiktok'),
  ...YOUTUBE('shorts'),
  ['shorts', 'aspect_ratio', 'missed', { width: 1080, height: 1080 }, { width: 1082, height: 1080 }],
  ['shorts', 'shape', 'note', { width: 1080, height: 1920 }, { width: 1080, height: 1350 }],
  ['shorts', 'length', 'missed', { seconds: 180 }, { seconds: 180.001 }],
  ...YOUTUBE('demand_gen'),
  ['demand_gen', 'size', 'note', { width: 1080, height: 1920 }, { width: 1078, height: 1920 }],
  ['demand_gen', 'size', 'note', { width: 1080, height: 1350 }, { width: 1080, height: 1348 }],
  ['demand_gen', 'size', 'note', { width: 1080, height: 1080 }, { width: 1078, height: 1078 }],
  ['demand_gen', 'size', 'note', { width: 1920, height: 1080 }, { width: 1280, height: 720 }],
  ['demand_gen', 'shape', 'note', { width: 1080, height: 1350 }, { width: 1080, height: 1440 }],
  ['demand_gen', 'shape', 'note', { width: 1920, height: 1080 }, { width: 1920, height: 820 }],
  ['demand_gen', 'length', 'missed', { seconds: 5 }, { seconds: 4.999 }],
];

function verdict(target: Target, id: string, facts: Facts): string {
  const [report] = checkTargets([target], { ...GOOD, ...facts });
  assert.ok(report);
  const other = report.others.find(([name]) => name === id);
  assert.ok(other !== undefined || report.passed.some((name) => name === id), `${target} checks ${id}`);
  return other?.[1] ?? 'pass';
}

describe('the checks for a target', () => {
  for (const [target, id, otherwise, edge, beyond] of EDGES) {
    test(`${target}: ${id} passes at ${JSON.stringify(edge)} and not at ${JSON.stringify(beyond)}`, () => {
      assert.equal(verdict(target, id, edge), 'pass');
      assert.equal(verdict(target, id, beyond), otherwise);
    });
  }

  test('have a row above for each limit, and for both ends of a range', () => {
    for (const target of TARGETS) {
      const { rules } = TARGET_LIMITS[target];
      assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length, `${target}: one rule per check`);
      for (const rule of rules) {
        const rows = EDGES.filter(([name, id]) => name === target && id === rule.id);
        assert.ok(rows.length >= ends(rule), `${target}: ${rule.id}`);
        assert.ok(
          rows.every(([, , otherwise]) => otherwise === rule.otherwise),
          `${target}: ${rule.id}`,
        );
      }
    }
    const used = TARGETS.flatMap((target) => TARGET_LIMITS[target].rules.map(({ id }) => id));
    assert.deepEqual(new Set(used), new Set(CHECK_IDS));
  });

  test('give the worst result of all', () => {
    const result = (facts: Facts) => resultOf(checkTargets(['reels'], { ...GOOD, ...facts })[0] as never);
    assert.equal(result({}), 'pass');
    assert.equal(result({ audioBitsPerSecond: 192_000 }), 'note');
    assert.equal(result({ audioBitsPerSecond: 192_000, seconds: 2 }), 'missed');
  });

  test('say nothing about what is not known', () => {
    const [report] = checkTargets(['tiktok'], { width: 480, height: 480 });
    assert.deepEqual(report, {
      target: 'tiktok',
      passed: ['shape'],
      others: [['size', 'missed', '480x480']],
    });
    const silence = checkTargets(['reels'], { loudness: null, truePeak: null });
    assert.deepEqual(silence, [{ target: 'reels', passed: [], others: [] }]);
  });

  test('of a small record: four targets and all their checks take less than 1.5 KB', () => {
    const worst = checkTargets(TARGETS, { ...GOOD, seconds: 1.234, loudness: -20.1, truePeak: -0.4 });
    const bytes = JSON.stringify(worst).length;
    assert.ok(bytes < 1_500, `${bytes} bytes`);
  });
});

describe('the texts about checks', () => {
  const view = (target: Target, facts: Facts) =>
    targetViews(checkTargets([target], { ...GOOD, ...facts }))[0] as ReturnType<typeof targetViews>[0];

  test('say what was expected, what was found, and what to do', () => {
    assert.deepEqual(view('reels', { seconds: 1.5, bytes: 300_000_001 }).checks, [
      {
        id: 'length',
        result: 'missed',
        expected: '3 to 900 s',
        found: '1.5 s',
        hint: 'Send longer clips, or more blocks.',
      },
      {
        id: 'file_size',
        result: 'missed',
        expected: 'at most 300 MB',
        found: '300.000001 MB',
        hint: 'Send shorter clips, or choose a smaller output.',
      },
    ]);
    assert.deepEqual(view('tiktok', { width: 480, height: 854, bitsPerSecond: 400_500 }).checks, [
      {
        id: 'size',
        result: 'missed',
        expected: 'at least 540x960, 640x640 or 960x540',
        found: '480x854',
        hint: 'Set output.width and output.height, for example to 1080 and 1920.',
      },
      {
        id: 'bitrate',
        result: 'missed',
        expected: 'at least 516 kbit/s',
        found: '400.5 kbit/s',
        hint: 'Choose a larger output, or clips with more detail.',
      },
      {
        id: 'bitrate_advice',
        result: 'note',
        expected: 'at least 2500 kbit/s',
        found: '400.5 kbit/s',
        hint: 'Choose a larger output, or clips with more detail.',
      },
    ]);
  });

  test('always have something to do, whatever is missed', () => {
    for (const [target, id, , , beyond] of EDGES) {
      const check = view(target, beyond).checks.find((one) => one.id === id);
      assert.match(check?.hint ?? '', /^[A-Z].*\.$/, `${target}: ${id}`);
      assert.ok(check?.expected && check.found, `${target}: ${id}`);
      assert.notEqual(check?.expected, check?.found, `${target}: ${id}`);
    }
  });

  test('fit into a line', () => {
    const reports = checkTargets(['reels', 'tiktok'], { ...GOOD, isSilent: true, seconds: 700 });
    assert.equal(targetLine(targetViews(reports)), 'reels: pass; tiktok: missed (length, sound)');
    assert.equal(targetLine([]), '');
  });

  test('leave out targets and checks of another version, which do not count, and know reports of earlier ones', () => {
    const odd = [
      { target: 'reels', passed: ['codec', 'hue'], others: [['hue', 'missed', 1]] },
      { target: 'cinema', passed: [], others: [['length', 'missed', 1]] },
      { target: 'constructor', passed: [], others: [] },
    ] as never;
    assert.deepEqual(targetViews(odd), [{ target: 'reels', result: 'pass', passed: ['codec'], checks: [] }]);
    assert.deepEqual(targetViews(undefined), []);
  });
});

describe('tallies', () => {
  test('are sums of counts; what is no count does not count', () => {
    const odd = { reels_pass: -5, reels_note: 1.5, reels_missed: 'many' } as never;
    const tallies = [{ reels_pass: 2 }, odd, null, undefined, { reels_pass: 3, reels_missed: 0 }];
    assert.deepEqual(sumOfTallies(tallies), { reels_pass: 5, reels_missed: 0 });
  });
});

/** How many edges a rule has. */
function ends({ least, most }: Rule): number {
  return least !== undefined && most !== undefined ? 2 : 1;
}
