import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { BurnedOverlay } from '../../functions/media/burn-graph.ts';
import { type ConformOutput, conformArguments, conformClip } from '../../functions/media/conform.ts';
import { conformIdentity } from '../../functions/media/conform-identity.ts';
import { conformMemoryMb, framesHeld, usualMemoryMb } from '../../functions/media/conform-limits.ts';
import { inRuns } from '../../functions/media/conform-runs.ts';
import { probe } from '../../functions/media/probe.ts';
import { formatProfiles } from '../../functions/media/profile.ts';
import type { Profile } from '../../functions/model/pins.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { counting } from '../fixtures/media/counting.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { probedSound } from '../fixtures/media/probed-sound.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';

const { signal } = new AbortController();
const PROFILES: [Profile, ...Profile[]] = [
  { ...plainProfile(96, 160), background: '#204060' },
  { ...plainProfile(128, 128), fit: 'blur' },
  { ...plainProfile(160, 96), fit: 'cover' },
];
const INPUT = {
  file: '/data/bytes',
  probe: { seconds: 2, video: probedVideo(), audio: probedSound() },
  dir: '/made/0',
  threads: 2,
  maxSeconds: 60,
};
const OTHERS = PROFILES.slice(1).map((profile, at) => ({ profile, dir: `/made/${at + 1}` }));

describe('a clip in several profiles', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function made(file: string, profiles: readonly Profile[], program = ffmpeg): Promise<string[]> {
    const writes = at(`made-${++count}`);
    const outputs = profiles.map((profile, place) => ({ profile, dir: join(writes, String(place)) }));
    for (const { dir } of outputs) await mkdir(dir, { recursive: true });
    const [first, ...others] = outputs as [ConformOutput, ...ConformOutput[]];
    const input = { file, probe: await probe(ffmpeg, file, { signal }), ...first, others, writes };
    await conformClip(program, {
      ...input,
      threads: 1,
      maxSeconds: 60,
      timeoutMs: 60_000,
      signal,
      stillSeconds: 0.2,
    });
    return outputs.map(({ dir }) => dir);
  }

  const FILMS = {
    'a film with sound': (file: string) => makeFilm(file, { frames: 12 }),
    'a photo': async (file: string) => {
      await run('-f', 'lavfi', '-i', 'testsrc2=s=200x150', '-frames:v', '1', '-f', 'mjpeg', file);
      return file;
    },
  };
  for (const [what, make] of Object.entries(FILMS)) {
    test(`of ${what} has in each the bytes that it has there alone, from one run for the pictures`, async () => {
      const file = await make(at(`source-${++count}.mp4`));
      const counted = counting(ffmpeg);
      const together = await made(file, PROFILES, counted);
      assert.equal(counted.runs, what === 'a photo' ? 1 : 2);
      for (const [place, profile] of PROFILES.entries()) {
        const [alone] = (await made(file, [profile])) as [string];
        for (const name of ['video.mp4', 'sound.s16le']) {
          const [one, other] = await Promise.all(
            [together[place] as string, alone].map((dir) => readFile(join(dir, name))),
          );
          assert.ok(one?.equals(other as Buffer), `${name} of ${profile.width}x${profile.height}`);
        }
      }
    });
  }

  test('is decoded once: the input is named once, and so are the filters up to the split', () => {
    const args = conformArguments({ ...INPUT, profile: PROFILES[0], others: OTHERS });
    assert.equal(args.filter((arg) => arg === '-i').length, 1);
    const graph = args[args.indexOf('-filter_complex') + 1] as string;
    assert.match(graph, /^\[0:0\][^;]*,trim=end_frame=\d+,split=3\[s0\]\[s1\]\[s2\];\[s0\]/);
    assert.equal(graph.split('fps=fps=').length, 2);
    assert.deepEqual(
      args.flatMap((arg, place) => (arg === '-map' ? [args[place + 1]] : [])),
      ['[v0]', '[v1]', '[v2]', '0:1'],
    );
  });

  test('of a photo is decoded in a size that suffices for the largest', () => {
    const video = probedVideo({ still: true, width: 6_000, height: 8_000, pixels: 48e6 });
    const halvings = (profiles: readonly Profile[]) => {
      const [profile, ...others] = profiles as [Profile, ...Profile[]];
      const more = others.map((other) => ({ profile: other, dir: '/made/1' }));
      const args = conformArguments({ ...INPUT, probe: { ...INPUT.probe, video }, profile, others: more });
      return args[args.indexOf('-lowres') + 1];
    };
    const [small, large] = [plainProfile(270, 480), plainProfile(2_160, 3_840)];
    assert.deepEqual([halvings([small]), halvings([large]), halvings([small, large])], ['3', '0', '0']);
  });

  test('has the keys of single formats, unless a larger one keeps its last picture from being held', () => {
    const video = probedVideo({ seconds: 1 });
    const wish = { probe: { seconds: 90, video, audio: probedSound({ seconds: 90 }) }, maxSeconds: 100 };
    const [hd, huge] = [plainProfile(1_080, 1_920), plainProfile(4_096, 4_096)];
    const key = (largestPixels?: number) =>
      conformIdentity(hd, { ...wish, ...(largestPixels && { largestPixels }) }).join(' ');
    assert.equal(key(1_920 * 1_080), key());
    assert.notEqual(key(4_096 * 4_096), key());
    const frames = (profile: Profile) => framesHeld({ ...wish, profile, largestPixels: 4_096 * 4_096 }, 90);
    assert.equal(frames(hd), frames(huge));
    assert.ok(frames(hd) < 90 * 30);
  });

  test('is made by as few runs as the memory allows', () => {
    const sizes = [1, 2, 3].map(() => ({ profile: plainProfile(1_080, 1_920) }));
    const { probe: found } = INPUT;
    const one = usualMemoryMb({ probe: found, profile: PROFILES[0] });
    const lengths = (memoryMb: number, overlays: BurnedOverlay[] = []) =>
      inRuns({ probe: found, overlays }, sizes, memoryMb).map((some) => some.length);
    assert.deepEqual(lengths(10_000), [3]);
    assert.deepEqual(lengths(one + 165), [2, 1]);
    const picture = { file: '/picture.png', key: 'image/1', width: 2_000, height: 2_000 };
    const overlay = { picture, position: 'center', width: 100, opacity: 1, from: 0, to: null } as const;
    assert.deepEqual(lengths(one + 165, [overlay]), [1, 1, 1]);
    assert.deepEqual(lengths(one), [1, 1, 1]);
    assert.deepEqual(lengths(0), [1, 1, 1]);
    assert.ok(conformMemoryMb(2, 3) > conformMemoryMb(2));
  });

  test('have the rate of the first, and a size that H.264 carries', () => {
    const first: Profile = { ...plainProfile(1_080, 1_920), rate: { num: 60, den: 1 } };
    const format = (name: string, width: number, height: number) => ({
      ...{ name, width, height, fit: 'cover' as const, background: '#000000' },
    });
    const formats = [format('a', 1_080, 1_920), format('b', 4_096, 4_096), format('c', 64, 64)];
    const [own, large, small] = formatProfiles(first, { formats });
    assert.equal(own, first);
    assert.ok((large?.width ?? 0) < 4_096 && large?.width === large?.height);
    assert.deepEqual(small, { ...first, width: 64, height: 64, fit: 'cover' });
    assert.deepEqual(formatProfiles(first, {}), [first]);
  });
});
