import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TODAY, type Variant, variants } from './encoder-grid.ts';
import type { Measured } from './encoder-run.ts';
import { summaries } from './encoder-summary.ts';

const [today, ...others] = variants(['superfast crf']);
const variant = (crf: number) => others.find(({ encoding }) => encoding.crf === crf) as Variant;

function measured(of: Variant, values: Partial<Measured> = {}): Measured {
  const same = { kbits: 1000, cpuSeconds: 4, wallSeconds: 2, memory: 300, vmaf: 95, lowest: 90, ssim: 0.99 };
  return { variant: of, header: 'one', again: undefined, ...same, ...values };
}

describe('summaries', () => {
  test('compare each setting with what the product does, and a large clip weighs as much as a small one', () => {
    const rows = summaries([
      [measured(TODAY, { kbits: 10_000 }), measured(variant(20), { kbits: 20_000, cpuSeconds: 2 })],
      [measured(TODAY, { kbits: 100 }), measured(variant(20), { kbits: 50, cpuSeconds: 2, lowest: 80 })],
    ]);
    assert.equal(rows[0]?.bytes, 1);
    assert.ok(Math.abs((rows[1]?.bytes ?? 0) - 1) < 1e-9);
    assert.ok(Math.abs((rows[1]?.cpu ?? 0) - 0.5) < 1e-9);
    assert.equal(rows[1]?.lowest, 80);
  });

  test('tell how many bytes a preset needs for the same quality, between two of its CRFs', () => {
    const rows = summaries([
      [
        measured(TODAY, { vmaf: 95 }),
        measured(variant(18), { vmaf: 96, kbits: 4000 }),
        measured(variant(22), { vmaf: 94, kbits: 1000 }),
      ],
    ]);
    // Half-way between the logarithms.
    assert.ok(Math.abs((rows[1]?.bytesAtSameVmaf ?? 0) - 2) < 1e-9);
    assert.equal(rows[2]?.bytesAtSameVmaf, rows[1]?.bytesAtSameVmaf);
  });

  test('do not guess beyond the CRFs that were measured', () => {
    const rows = summaries([[measured(TODAY, { vmaf: 95 }), measured(variant(18), { vmaf: 94 })]]);
    assert.equal(rows[1]?.bytesAtSameVmaf, undefined);
  });

  test('say which clips could not follow those of the product', () => {
    const rows = summaries([[measured(TODAY), measured(variant(18), { header: 'other' })]]);
    assert.deepEqual(
      rows.map(({ joins }) => joins),
      [true, false],
    );
  });
});

describe('the grid', () => {
  test('begins with what the product does, once', () => {
    const all = variants([]);
    assert.equal(all[0], today);
    assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
    assert.ok(all.length > 25);
  });

  test('is cut down to the names that are asked for', () => {
    assert.deepEqual(
      variants(['aq-mode']).map(({ name }) => name),
      ['veryfast crf 20', 'veryfast, aq-mode 2 crf 20', 'veryfast, aq-mode 3 crf 20'],
    );
  });
});
