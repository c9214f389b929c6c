import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createFfmpeg } from '../../functions/media/ffmpeg.ts';
import { doesMemoryLimitBind } from '../../functions/media/limit-trial.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';

describe('the limit on the memory of a run', { skip: process.platform !== 'linux' && 'Linux only' }, () => {
  it('binds where the system enforces it, which a run shows that needs more', async () => {
    await using ffmpeg = createFfmpeg({ path: FFMPEG });
    assert.equal(await doesMemoryLimitBind(ffmpeg), true);
  });

  it('does not bind if that run gets what it needs', async () => {
    await using ffmpeg = createFfmpeg({ path: FFMPEG });
    assert.equal(await doesMemoryLimitBind(ffmpeg, 1_500), false);
  });
});
