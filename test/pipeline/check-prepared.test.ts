import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CODES } from '../../functions/base/codes.ts';
import type { Stage } from '../../functions/base/errors.ts';
import { chooseProfile } from '../../functions/media/profile.ts';
import { STANDARD_RATES } from '../../functions/model/frame-rate.ts';
import type { Failed, Join, Prepared, Profile } from '../../functions/model/pins.ts';
import type { Source, WantedOutput } from '../../functions/model/plan.ts';
import type { Probe } from '../../functions/model/probe.ts';
import type { Task } from '../../functions/model/task.ts';
import { checkedJoin, checkedPin, checkedProfile } from '../../functions/pipeline/check-prepared.ts';
import { joinView } from '../../functions/pipeline/join-view.ts';
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

describe('a pin of a clip in several formats', () => {
  const formatsIn = (...artifacts: unknown[]) =>
    artifacts.map((artifact) => ({ artifact, frames: 1, samples: 1, seconds: 1, warnings: [] }));
  const pinned = (formats: unknown) => ({ ...samplePrepared(`clip/${HASH}`), formats }) as Prepared;

  it('is used if it has an artifact for each, and no other', () => {
    const pin = pinned(formatsIn(`clip/${HASH}`, `clip/${HASH.replace('0', '1')}`));
    assert.equal(checkedPin(pin, CLIP, 3), pin);
    for (const [formats, count] of [
      [undefined, 3],
      [null, 3],
      [{ length: 2 }, 3],
      [formatsIn(`clip/${HASH}`), 3],
      [formatsIn(`clip/${HASH}`), 1],
      [formatsIn(`clip/${HASH}`, undefined), 3],
      [formatsIn(`clip/${HASH}`, `speech/${HASH}`), 3],
      [formatsIn(`clip/${HASH}`, '../secret'), 3],
      [[null, null], 3],
    ] as const) {
      const { error } = checkedPin(pinned(formats), CLIP, count);
      assert.equal(error?.code, 'mix_failed', JSON.stringify(formats));
    }
  });

  it('is refused for sound, which is the same in all', () => {
    const track = { ...samplePrepared(`track/${HASH}`), formats: formatsIn(`track/${HASH}`) } as Prepared;
    assert.equal(checkedPin(track, { kind: 'track' } as Source, 2).error?.code, 'mix_failed');
    const plain = samplePrepared(`track/${HASH}`);
    assert.equal(checkedPin(plain, { kind: 'track' } as Source, 2), plain);
  });

  it('is copied in formats of the plan only, of which the answers name each', () => {
    const plan = { sources: [CLIP], formats: [{ name: 'a' }, { name: 'b' }] } as unknown as Task['plan'];
    const join = (formats: unknown) => ({ video: 'copied', header: HASH, formats, by: 0 }) as Join;
    for (const forged of [undefined, [], [2], [0, 0], ['0'], [0, 7], {}]) {
      assert.equal(checkedJoin(join(forged), { plan }), undefined, JSON.stringify(forged));
    }
    assert.deepEqual(joinView(checkedJoin(join([1]), { plan }), plan), {
      video: 'mixed',
      video_reason: 'copied in b, encoded in a: the clips have another size',
    });
    assert.deepEqual(joinView(checkedJoin(join([0, 1]), { plan }), plan), {
      video: 'copied',
      video_reason: null,
    });
  });
});

describe('a decision whether clips are copied', () => {
  const TASK = { plan: { sources: [CLIP, { kind: 'track' }] } } as unknown as Task;
  const OURS: Join[] = [
    { video: 'copied', header: HASH, by: 0 },
    { video: 'encoded', reason: 'clip "a" is interlaced', by: 0 },
    { video: 'encoded', reason: null, by: 0 },
  ];

  it('is shown as prepare wrote it', () => {
    for (const join of OURS) assert.deepEqual(checkedJoin(join, TASK), join);
    const more = { ...OURS[1], more: 'x' } as unknown as Join;
    assert.deepEqual(checkedJoin(more, TASK), OURS[1]);
  });

  it('is left out if it is none that prepare writes', () => {
    for (const forged of [
      null,
      'copied',
      {},
      { ...OURS[0], by: 1 },
      { ...OURS[0], by: '__proto__' },
      { ...OURS[0], header: 'x' },
      { ...OURS[1], video: 'other' },
      { ...OURS[1], reason: 7 },
      { ...OURS[1], reason: undefined },
      { ...OURS[1], reason: 'x'.repeat(4_001) },
    ]) {
      assert.equal(checkedJoin(forged as Join, TASK), undefined, JSON.stringify(forged));
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
