import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MovieFacts } from '../../functions/media/mp4/facts.ts';
import { checkTargets } from '../../functions/model/target-checks.ts';
import type { Target } from '../../functions/model/targets.ts';
import { targetReports, videoFacts } from '../../functions/pipeline/check-targets.ts';
import { manifestCsv, manifestJson } from '../../functions/pipeline/manifest.ts';
import { NO_COST, sampleReport, sampleTask } from '../contracts/samples.ts';

const FACTS: MovieFacts = {
  bytes: 20_000_000,
  isIndexFirst: true,
  editLists: 2,
  picture: {
    ...{ fps: 24_000 / 1001, seconds: (360 * 1001) / 24_000, width: 1080, height: 1920 },
    ...{ profileIdc: 77, chromaIdc: 1, isProgressive: true, isSquare: true },
    ...{ longestSyncGapSeconds: 2.002, bitsPerSecond: 8_123_456.7, peakBitsPerSecond: 9_000_000.2 },
  },
  sound: { channels: 2, sampleRate: 48_000, bitsPerSecond: 190_000.4 },
};
const LEVELS = { loudness: -14.1, truePeak: -1.6 };

function taskFor(targets: readonly Target[] | undefined) {
  const task = sampleTask({ combinations: 2 });
  return targets === undefined ? task : { ...task, plan: { ...task.plan, targets } };
}

describe('the facts of a video', () => {
  test('are those of its writer and of the meter, rounded as they are shown', () => {
    assert.deepEqual(videoFacts(FACTS, LEVELS), {
      ...{
        bytes: 20_000_000,
        isIndexFirst: true,
        editLists: 2,
        codec: 'H.264',
        profile: 'Main',
        chroma: '4:2:0',
      },
      ...{ isProgressive: true, pixelAspect: '1:1', width: 1080, height: 1920, fps: 23.976, seconds: 15.015 },
      ...{ bitsPerSecond: 8_123_457, peakBitsPerSecond: 9_000_000, gopSeconds: 2.002, isSilent: false },
      ...{ audioCodec: 'AAC-LC', sampleRate: 48_000, channels: 2, audioBitsPerSecond: 190_000 },
      ...{ loudness: -14.1, truePeak: -1.6 },
    });
  });

  test('of a film that is too short to have a loudness say that it has sound', () => {
    assert.equal(videoFacts(FACTS, { loudness: null, truePeak: -3 }).isSilent, false);
    assert.equal(videoFacts(FACTS, { loudness: null, truePeak: null }).isSilent, true);
  });

  test('name whatever the header says', () => {
    const picture = {
      ...FACTS.picture,
      profileIdc: 122,
      chromaIdc: 2,
      isProgressive: false,
      isSquare: false,
    };
    const facts = videoFacts({ ...FACTS, picture }, { loudness: null, truePeak: null });
    const { profile, chroma, isProgressive, pixelAspect, isSilent } = facts;
    assert.deepEqual(
      [profile, chroma, isProgressive, pixelAspect, isSilent],
      ['profile 122', '4:2:2', false, 'not 1:1', true],
    );
  });

  test('are checked for the targets of the task, and not at all without them', () => {
    const { targets } = targetReports(taskFor(['shorts', 'reels']), FACTS, LEVELS);
    assert.deepEqual(targets, checkTargets(['shorts', 'reels'], videoFacts(FACTS, LEVELS)));
    assert.deepEqual(targetReports(taskFor(undefined), FACTS, LEVELS), {});
  });
});

describe('a manifest of a task with targets', () => {
  const task = taskFor(['reels', 'shorts']);
  const targets = targetReports(task, FACTS, LEVELS).targets ?? [];
  // The second report is of a version that knew no targets.
  const reports = [sampleReport(1, { targets }), sampleReport(2)];
  const manifest = { task, reports, join: undefined, cost: NO_COST, finishedAt: 2 };

  test('has the checks with their texts, and none for a report of an earlier version', () => {
    const { renders } = JSON.parse([...manifestJson(manifest)].join('')) as {
      renders: { targets: { target: string; result: string; checks: { id: string }[] }[] }[];
    };
    assert.deepEqual(
      renders.map((row) =>
        row.targets.map(({ target, result, checks }) => [target, result, checks.map(({ id }) => id)]),
      ),
      [
        [
          ['reels', 'missed', ['edit_lists', 'audio_bitrate']],
          ['shorts', 'missed', ['edit_lists', 'profile', 'gop', 'audio_bitrate']],
        ],
        [],
      ],
    );
  });

  test('has a column with the results as CSV', () => {
    const lines = [...manifestCsv(manifest)].join('').split('\r\n');
    assert.match(lines[0] ?? '', /,warnings,targets,error_code,/);
    assert.match(lines[1] ?? '', /,"?reels: missed \(edit_lists\); shorts: missed \(edit_lists\)"?,/);
    assert.match(lines[2] ?? '', /,,,,,$/);
  });
});
