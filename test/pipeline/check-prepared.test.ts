import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CODES } from '../../functions/base/codes.ts';
import type { Stage } from '../../functions/base/errors.ts';
import { chooseProfile } from '../../functions/media/profile.ts';
import { STANDARD_RATES } from '../../functions/model/frame-rate.ts';
import type { Failed, Probe, Profile } from '../../functions/model/pins.ts';
import type { Source, WantedOutput } from '../../functions/model/plan.ts';
import { checkedPin, checkedProfile } from '../../functions/pipeline/check-prepared.ts';
import { SAMPLE_PROFILE, samplePrepared } from '../contracts/samples.ts';
import { PLAIN_OUTPUT } from '../fixtures/media/plain-choices.ts';

const CLIP = { kind: 'clip' } as Source;
const HASH = '0123456789abcdef'.repeat(4);

describe('a pin that a render reads', () => {
  it('is used as it is if prepare wrote it', () => {
    const pin = samplePrepared(`clip/${HASH}`);
    assert.equal(checkedPin(pin, CLIP), pin);
    const codes = Object.entries(CODES).filter(([, { kind }]) => kind === 'permanent');
    for (const [code] of codes) {
      for (const stage of ['download', 'conform', 'save', 'deliver'] satisfies Stage[]) {
        const failed = { error: { code, stage, message: 'No' } } as Failed;
        assert.equal(checkedPin(failed, CLIP), failed, `${code} ${stage}`);
      }
    }
  });

  it('becomes a failure that says what it is, if it is none that prepare writes', () => {
    for (const pin of [
      samplePrepared(`speech/${HASH}`),
      samplePrepared(`clip/${HASH}/more`),
      samplePrepared(`clip/${HASH.toUpperCase()}`),
      samplePrepared(''),
      {},
      { error: null },
      { error: 'No' },
      { error: { code: 'toString', stage: 'mix', message: 'No' } },
      { error: { code: 'not_json', stage: 'mix', message: 'No' } },
      { error: { code: 'mix_failed', stage: 'elsewhere', message: 'No' } },
      { error: { code: 'mix_failed', stage: 'mix', message: { html: '<script>' } } },
    ]) {
      const { error } = checkedPin(pin as Failed, CLIP);
      assert.equal(error?.code, 'mix_failed', JSON.stringify(pin));
      assert.match(error?.message ?? '', /^Expected a prepared clip with /);
    }
  });
});

describe('a profile that a render reads', () => {
  it('is used if the plan can lead to it, whatever the first clip was', () => {
    const sizes = [16, 90, 641, 1080, 1919, 4320, 8192, 15_000];
    let checked = 0;
    for (const wanted of [
      {},
      { fps: 24 },
      { width: 7_680, height: 4_320 },
      { width: 99, height: 55, fps: 12.5 },
    ]) {
      const output: WantedOutput = { ...PLAIN_OUTPUT, ...wanted };
      for (const width of sizes) {
        for (const height of sizes) {
          for (const still of [true, false]) {
            const rate = STANDARD_RATES[checked % STANDARD_RATES.length];
            checked += 1;
            const any = { video: { width, height, rate, still } } as Probe;
            const profile = chooseProfile(output, { any, moving: still ? undefined : any });
            const pinned = JSON.parse(JSON.stringify(profile)) as Profile;
            assert.deepEqual(
              checkedProfile(pinned, output),
              profile,
              `${width}x${height} ${JSON.stringify(wanted)}`,
            );
          }
        }
      }
    }
  });

  it('is not used if the plan says otherwise, or if it has no picture that can be encoded', () => {
    assert.deepEqual(checkedProfile(SAMPLE_PROFILE, PLAIN_OUTPUT), SAMPLE_PROFILE);
    assert.equal(checkedProfile(undefined, PLAIN_OUTPUT), undefined);
    const hardware: Profile = { ...SAMPLE_PROFILE, encoder: 'nvenc' };
    assert.deepEqual(checkedProfile(hardware, PLAIN_OUTPUT), hardware);
    for (const wrong of [
      { width: 1081 },
      { width: 0 },
      { width: -2 },
      { width: 1e9, height: 1e9 },
      { width: Number.NaN },
      { width: '1080' },
      { width: null },
      { rate: { num: 1, den: 0 } },
      { rate: { num: 29.97, den: 1 } },
      { rate: null },
      { fit: 'cover' },
      { background: '#000000[v];movie=/etc/passwd' },
      { more: 'x' },
      { encoder: 'libx264' },
      { encoder: null },
    ]) {
      const pin = { ...SAMPLE_PROFILE, ...wrong } as unknown as Profile;
      assert.equal(checkedProfile(pin, PLAIN_OUTPUT), undefined, JSON.stringify(wrong));
    }
    const wanted = { ...PLAIN_OUTPUT, width: 640, height: 360 };
    assert.equal(checkedProfile(SAMPLE_PROFILE, wanted), undefined);
  });
});
