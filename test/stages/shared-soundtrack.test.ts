import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type { Prepared } from '../../functions/model/pins.ts';
import { createSoundtracks } from '../../functions/pipeline/soundtracks.ts';
import { SOUND } from '../../functions/pipeline/source-artifact.ts';
import { useStages } from '../fixtures/hosts/stages.ts';
import { counting } from '../fixtures/media/counting.ts';
import { makeTrack } from '../fixtures/media/finished.ts';

const { signal } = new AbortController();

describe('a render', () => {
  const s = useStages();

  test('whose soundtrack is there starts no ffmpeg, and needs neither track nor line', async () => {
    s.server.set('/music.wav', { body: await readFile(await makeTrack(join(s.dir.path, 'music.wav'), 3)) });
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4'], tracks: ['/music.wav'] });
    await s.prepareAll(task);
    const ffmpeg = counting(s.deps.ffmpeg);
    const soundtracks = createSoundtracks({ ...s.deps, ffmpeg });
    await s.renderOne(task, 1, { soundtracks });
    const made = ffmpeg.runs;
    assert.ok(made >= 1, JSON.stringify(await s.deps.reports.list(task.id, 1, 1)));
    const track = task.plan.sources.findIndex(({ kind }) => kind === 'track');
    const [pin] = await s.deps.pins.read(task.id, [`prepared-${track}` as const]);
    const artifact = await s.deps.artifacts.open((pin as Prepared).artifact, signal);
    const folder = dirname(artifact?.path(SOUND) as string);
    artifact?.[Symbol.dispose]();
    await rm(folder, { recursive: true });
    await s.renderOne(task, 2, { soundtracks });
    assert.deepEqual(s.logged('source.remade'), []);
    assert.equal(ffmpeg.runs, made);
    const reports = await s.deps.reports.list(task.id, 1, 2);
    assert.deepEqual(
      reports.map(({ status, loudnessLufs }) => [status, loudnessLufs]),
      [1, 2].map(() => ['succeeded', reports[0]?.loudnessLufs]),
    );
  });
});
