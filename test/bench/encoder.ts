/** `npm run bench -- encoder`: compares the cost and quality of other encoder settings. */
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Profile } from '../../functions/model/pins.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { TODAY, variants } from './encoder-grid.ts';
import { afterPlatform, encoderClip, type Measured, measure } from './encoder-run.ts';
import { makeEncoderSources } from './encoder-sources.ts';
import { type Summary, summaries } from './encoder-summary.ts';
import { hasFilter } from './ffmpeg-run.ts';
import { markdown } from './table.ts';

/** One and a half groups of pictures. */
const SECONDS = 3;

/**
 * Yields a table for each source as soon as it is measured, and a summary, in Markdown. Arguments after `encoder` are
 * your own clips, and options: `--size 720x1280`, `--only TEXT` (settings whose name contains it; may be repeated),
 * `--again` (also measure the quality after a platform's encoder), `--only-files` (only your own clips).
 */
export async function* encoderTables(
  ffmpeg: string,
  args: string[],
  progress: (what: string) => void,
): AsyncGenerator<string> {
  const { values, positionals: files } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      size: { type: 'string', default: '1080x1920' },
      only: { type: 'string', multiple: true, default: [] },
      again: { type: 'boolean', default: false },
      'only-files': { type: 'boolean', default: false },
    },
  });
  const profile = profileOf(values.size);
  if (!(await hasFilter(ffmpeg, 'libvmaf'))) {
    throw new Error(`Expected an ffmpeg with libvmaf, got ${ffmpeg}. Next step: \`npm ci\` brings one.`);
  }
  await using dir = await tempDir();
  progress('Clips');
  const made = values['only-files'] ? [] : await makeEncoderSources(ffmpeg, dir.path, SECONDS);
  const given = files.map((file) => ({ name: basename(file), file: resolve(file) }));
  const all: Measured[][] = [];
  for (const source of [...made, ...given]) {
    const own = { profile, maxSeconds: SECONDS, dir: join(dir.path, String(all.length)) };
    const clip = await encoderClip(ffmpeg, source, own);
    const measured: Measured[] = [];
    for (const variant of variants(values.only)) {
      progress(`${source.name}: ${variant.name}`);
      measured.push(await measure(ffmpeg, clip, { variant, again: values.again }));
    }
    all.push(measured);
    const most = values.again
      ? `, platform's encoder on a lossless file: ${(await afterPlatform(ffmpeg, clip.reference, clip)).toFixed(1)}`
      : '';
    yield `${source.name}, ${values.size}${most}\n\n${sourceTable(measured)}\n\n`;
  }
  yield `All, relative to ${TODAY.name}\n\n${summaryTable(summaries(all))}\n`;
}

function profileOf(size: string): Profile {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(size) ?? [];
  if (width === undefined) throw new Error(`Expected --size as 1080x1920, got ${JSON.stringify(size)}`);
  return {
    width: Number(width),
    height: Number(height),
    rate: { num: 30, den: 1 },
    fit: 'contain',
    background: '#000000',
  };
}

function sourceTable(measured: readonly Measured[]): string {
  const head = ['settings', 'kbit/s', 'CPU s', 'wall s', 'MB', 'VMAF', 'worst', 'SSIM', 'again', 'joins'];
  const rows = measured.map((one) => [
    ...[one.variant.name, one.kbits.toFixed(0), one.cpuSeconds.toFixed(2), one.wallSeconds.toFixed(2)],
    ...[one.memory.toFixed(0), one.vmaf.toFixed(2), one.lowest.toFixed(1), one.ssim.toFixed(4)],
    ...[one.again?.toFixed(2) ?? '', yesNo(one.header === measured[0]?.header)],
  ]);
  return markdown([head, ...rows]);
}

function summaryTable(all: readonly Summary[]): string {
  const head = ['settings', 'bytes', 'at the same VMAF', 'CPU', 'most MB', 'VMAF', 'worst', 'again', 'joins'];
  const rows = all.map((one) => [
    ...[one.variant.name, percent(one.bytes), percent(one.bytesAtSameVmaf), percent(one.cpu)],
    ...[one.memory.toFixed(0), one.vmaf.toFixed(2), one.lowest.toFixed(1)],
    ...[one.again?.toFixed(2) ?? '', yesNo(one.joins)],
  ]);
  return markdown([head, ...rows]);
}

function percent(share: number | undefined): string {
  return share === undefined ? '' : `${(100 * share).toFixed(0)} %`;
}

function yesNo(is: boolean): string {
  return is ? 'yes' : 'no';
}
