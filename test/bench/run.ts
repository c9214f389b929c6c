/**
 * `npm run bench`: measures. Prints tables to stdout and its progress to stderr.
 *
 * `npm run bench` makes its own clips (see service.ts); `npm run bench -- FOLDER` takes the .mp4 and .mp3 files of a folder.
 * `--only PART,PART` leaves parts out, `--before CHECKOUT` adds an older version to the part "ways".
 * `npm run bench -- NAME` runs one of the others alone, which are no part of that:
 *   costs          what videos cost in the cloud: arithmetic, nothing is measured
 *   storage        objects in Cloud Storage, counted on the emulators (costs/storage.ts)
 *   growth         processor time over clips and over combinations, with plots (growth/measure.ts)
 *   orchestration  1,000 and 10,000 combinations with next to no media (orchestration.ts)
 *   instrumentation what metrics and traces cost, in rounds (instrumentation.ts)
 *   cloud          reports and cold starts on the emulators, also a part of the main run (cloud.ts)
 *   pushes         how long requests are open on the emulators, and what Firestore bills (pushes.ts)
 *   encoder        encoder settings (encoder.ts)
 *   formats        27 combinations with two lines in one format and in three, of made clips or of a folder (formats.ts)
 *   page           how long the page keeps a browser busy with 1,000 videos (page.ts)
 *   linear         what reads text of strangers (linear.ts)
 *   hostile        attacks on the service (hostile.ts)
 */
import { parseArgs } from 'node:util';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import { cloudTables } from './cloud.ts';
import { storageTables } from './costs/storage.ts';
import { costTables } from './costs/tables.ts';
import { encoderTables } from './encoder.ts';
import { formatsTable } from './formats.ts';
import { growthTable } from './growth/measure.ts';
import { hostileTable } from './hostile.ts';
import { instrumentationTable } from './instrumentation.ts';
import { linearTable } from './linear.ts';
import { orchestrationTable } from './orchestration.ts';
import { pageTable } from './page.ts';
import { pushTables } from './pushes.ts';
import { PARTS, serviceTables } from './service.ts';

const ffmpeg = () => findFfmpeg({ searchPath: process.env['PATH'] ?? '' }).path;

type Tables = string | Promise<string> | AsyncIterable<string>;

const OTHERS: Readonly<Record<string, (args: string[]) => Tables>> = {
  costs: () => costTables(),
  storage: () => storageTables(ffmpeg(), progress),
  growth: (args) => growthTable(ffmpeg(), args, progress),
  orchestration: (sizes) => orchestrationTable(ffmpeg(), sizes, progress),
  instrumentation: (args) => instrumentationTable(ffmpeg(), args, progress),
  cloud: () => cloudTables(progress),
  pushes: (args) => pushTables(args, progress),
  encoder: (args) => encoderTables(ffmpeg(), args, progress),
  formats: ([clips]) => formatsTable(ffmpeg(), clips, progress),
  page: (args) => pageTable(args, progress),
  linear: () => linearTable(),
  hostile: (args) => hostileTable(ffmpeg(), args, progress),
};

const [name = '', ...rest] = process.argv.slice(2);
const tables = OTHERS[name]?.(rest) ?? service(process.argv.slice(2));
for await (const table of typeof tables === 'object' && Symbol.asyncIterator in tables
  ? tables
  : [await tables]) {
  process.stdout.write(table.endsWith('\n') ? table : `${table}\n`);
}
// Clients of the emulators would keep the process running.
process.stdout.write('', () => process.exit());

function service(args: string[]): Tables {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { only: { type: 'string' }, before: { type: 'string' } },
  });
  const only = values.only?.split(',') ?? PARTS;
  const unknown = only.filter((part) => !PARTS.some((known) => known === part));
  if (unknown.length > 0) throw new Error(`Expected parts of ${PARTS.join(', ')}, got ${unknown.join(', ')}`);
  const parts = PARTS.filter((part) => only.includes(part));
  return serviceTables({ ffmpeg: ffmpeg(), clips: positionals[0], parts, before: values.before, progress });
}

function progress(what: string): void {
  process.stderr.write(`${process.uptime().toFixed(0).padStart(4)} s  ${what}\n`);
}
