import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { outputMistakes } from '../../functions/model/format-checks.ts';
import { readFormats, readOutput } from '../../functions/model/read-output.ts';
import { readRequest } from '../../functions/model/request.ts';

const BLUR = { name: 'a', width: 64, height: 64, fit: 'blur' };
/** What is wrong, and where it is said. */
const WRONG: Record<string, [output: unknown, mistakes: string[]]> = {
  'a size that H.264 does not have': [{ width: 4096, height: 4096 }, ['/output/width invalid']],
  'a format that is too large for the rate': [
    { fps: 60, formats: ['1x1', { name: 'wide', width: 4096, height: 2304 }] },
    ['/output/formats/1/width invalid'],
  ],
  'a width beside formats': [{ width: 64, formats: ['9x16'] }, ['/output/width conflict']],
  'a size beside formats': [
    { width: 64, height: 64, formats: ['9x16'] },
    ['/output/width conflict', '/output/height conflict'],
  ],
  'a format of another name without a size': [
    { formats: [{ name: 'a' }] },
    ['/output/formats/0/width missing'],
  ],
  'a format with half a size': [
    { formats: [{ name: 'a', height: 64 }] },
    ['/output/formats/0/width missing'],
  ],
  'a known format with half a size': [
    { formats: ['1x1', { name: '9x16', width: 64 }] },
    ['/output/formats/1/height missing'],
  ],
  'a background for a format without bars': [
    { formats: ['1x1', { ...BLUR, background: '#ffffff' }] },
    ['/output/formats/1/background conflict'],
  ],
  'a background for a format that has no bars by default': [
    { fit: 'cover', formats: ['1x1', { name: '9x16', background: '#ffffff' }] },
    ['/output/formats/1/background conflict'],
  ],
  'a background for all, none of which has bars': [
    { fit: 'cover', background: '#ffffff', formats: ['1x1', BLUR] },
    ['/output/background conflict'],
  ],
  'a background for all, which have others': [
    { background: '#ffffff', formats: [{ name: '1x1', background: '#000000' }] },
    ['/output/background conflict'],
  ],
  'a fit for all, which have others': [{ fit: 'cover', formats: [BLUR] }, ['/output/fit conflict']],
  'width alone, without formats': [{ width: 64 }, ['/output/height missing']],
};
const RIGHT: Record<string, unknown> = {
  'known names': { formats: ['9x16', '1x1'] },
  'a known name with its own size and fit': {
    formats: [{ name: '9x16', width: 270, height: 480, fit: 'cover' }],
  },
  'a background for those that have bars': {
    background: '#ffffff',
    formats: [BLUR, '1x1', { name: '4x5', background: '#000000' }],
  },
  'a background for one that has bars, unlike the others': {
    fit: 'cover',
    formats: ['1x1', { name: '9x16', fit: 'contain', background: '#ffffff' }],
  },
  'nothing that an object could have': { formats: [null, 7, [], { name: 3 }] },
  'no output': undefined,
};

describe('what is wrong with the formats of a request', () => {
  for (const [what, [output, expected]] of Object.entries(WRONG)) {
    test(`${what} is refused where it stands`, () => {
      const mistakes = outputMistakes(output);
      assert.deepEqual(
        mistakes.map(({ pointer, code }) => `${pointer} ${code}`),
        expected,
      );
      for (const { message } of mistakes) assert.match(message, /^Expected .+, got .+\. .+\.$/);
    });
  }
  for (const [what, output] of Object.entries(RIGHT)) {
    test(`${what} is accepted`, () => assert.deepEqual(outputMistakes(output), []));
  }
});

describe('the formats of a request', () => {
  test('have fit and background of the output, unless they have their own', () => {
    const field = { fit: 'contain', background: '#FFFFFF', formats: ['9x16', BLUR] } as never;
    assert.deepEqual(readFormats(field), [
      { name: '9x16', width: 1080, height: 1920, fit: 'contain', background: '#ffffff' },
      { ...BLUR, background: '#ffffff' },
    ]);
    const { width, height, fit } = readOutput(field);
    assert.deepEqual([width, height, fit], [1080, 1920, 'contain']);
  });

  test('warn of limits of a target that one of them misses, by its name', () => {
    const { warnings } = readRequest(
      {
        task_name: 'task',
        video_blocks: { hooks: ['https://example.com/a.mp4'] },
        audio_blocks: { music: ['https://example.com/a.mp3'] },
        output: { formats: ['9x16', { name: 'tiny', width: 64, height: 114 }] },
        targets: ['tiktok'],
      },
      { combinations: 10, sources: { files: false, drive: true, buckets: [] } } as never,
    );
    assert.ok(warnings.length > 0);
    for (const warning of warnings) assert.match(warning, / in the format tiny: expected /);
  });
});
