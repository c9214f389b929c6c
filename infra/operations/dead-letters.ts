/**
 * npm run dead-letters -- list|replay: work of the service on one machine that was given up after too many deliveries. In the
 * cloud, infra/cloud/dead-letters.sh does this.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { acquireHostLock } from '../../functions/adapters/process/host-lock.ts';
import {
  type KeptLetter,
  keptLetters,
  namedTask,
  replayLetters,
  undeliverables,
} from '../../functions/adapters/sqlite/dead-letters.ts';
import { type DatabaseReader, readDatabase } from '../../functions/adapters/sqlite/read-only.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { counted } from '../../functions/base/counted.ts';
import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import { subjectOf } from '../../functions/coordination/log-nack.ts';
import { DATABASE } from '../../functions/hosts/data-dir-errors.ts';
import { closeDataDir } from '../../functions/hosts/data-folders.ts';
import { command, print, settings } from './command.ts';

const USAGE = `npm run dead-letters -- list                what was given up, and why; also while the service runs
npm run dead-letters -- replay              puts what is set aside back into the queue, while the service is stopped
npm run dead-letters -- replay --task ID    that of one task alone`;

async function main(args: string[]): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) return print(USAGE);
  const config = settings();
  const path = join(config.dataDir, DATABASE);
  if (!existsSync(path)) {
    throw new Error(
      `Expected the task database of a service in ${path}, got no file. Next step: set DATA_DIR as for the service.`,
    );
  }
  if (options.action === 'list') {
    using database = readDatabase(path);
    return print(listOf(database));
  }
  await closeDataDir(config);
  using _lock = await acquireHostLock({ dir: config.dataDir, waitMs: 0 });
  using database = openDatabase(path);
  const replayed = replayLetters(database, options.task);
  print(
    `${counted(replayed, 'message')} put back into the queue. ${replayed > 0 ? 'Start the service.' : ''}`.trim(),
  );
}

function readOptions(args: string[]): { action: 'list' | 'replay'; task: string | undefined } | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { task: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return undefined;
  const [action] = positionals;
  const isOne = positionals.length === 1 && (action === 'list' || action === 'replay');
  if (!isOne || (action === 'list' && values.task !== undefined)) {
    throw new Error(`Expected list or replay, got ${args.join(' ') || 'nothing'}.\n${USAGE}`);
  }
  return { action, task: values.task };
}

function listOf(database: DatabaseReader): string {
  const [aside, soon] = [true, false].map((isQuarantined) =>
    keptLetters(database).filter((kept) => kept.isQuarantined === isQuarantined),
  ) as [KeptLetter[], KeptLetter[]];
  const recorded = Map.groupBy(undeliverables(database), ({ taskId }) => taskId);
  const lines = [
    ...section(`${counted(aside.length, 'message')} set aside, because the failure could not be recorded`, [
      ...aside.map((kept) => lineOf(database, kept)),
      ...(aside.length > 0
        ? ['To try that work again: stop the service, npm run dead-letters -- replay, and start it.']
        : []),
    ]),
    ...section(
      `${counted(soon.length, 'message')} about to be recorded as failures`,
      soon.map((kept) => lineOf(database, kept)),
    ),
    ...section(
      `${counted(recorded.size, 'task')} with videos that failed as undeliverable`,
      [...recorded].flatMap(([taskId, failed]) => {
        const reasons = new Set(failed.map(({ message }) => escapeHidden(message)));
        const again = namedTask(database, taskId).hasEnded
          ? `POST /tasks/${taskId}/retry makes them again`
          : 'they can be made again once the task has ended';
        return [
          `${nameOf(database, taskId)}: ${failed.map(({ index }) => index).join(', ')} (${again})`,
          ...[...reasons].map((reason) => `  ${reason}`),
        ];
      }),
    ),
  ];
  return lines.join('\n');
}

function section(title: string, lines: readonly string[]): string[] {
  return [title, ...lines.map((line) => `  ${line}`)];
}

function lineOf(database: DatabaseReader, { taskId, letter }: KeptLetter): string {
  if (letter === undefined) return `${nameOf(database, taskId)}: a message that cannot be read`;
  const { task } = namedTask(database, taskId);
  return escapeHidden(`${nameOf(database, taskId)}: ${subjectOf(letter.message, task)}. ${letter.reason}`);
}

function nameOf(database: DatabaseReader, taskId: string): string {
  const { task } = namedTask(database, taskId);
  return task === undefined ? `${taskId} (deleted)` : escapeHidden(`${taskId} "${task.name}"`);
}

if (import.meta.main) await command(main);
