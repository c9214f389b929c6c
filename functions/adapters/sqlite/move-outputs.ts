import { namesRecord, reportRecord, taskRecord } from '../../model/names.ts';
import type { Report } from '../../model/report.ts';
import type { OutputFolder, Task } from '../../model/task.ts';
import type { Seal } from '../../ports/seal.ts';
import { hashId } from '../shared/hash-id.ts';
import type { Database } from './sqlite.ts';

export interface Moves {
  /** Where an output folder is now; undefined: where it was. */
  folder: (folder: OutputFolder) => OutputFolder | undefined;
  /** Where a saved file is now. */
  url: (url: string) => string;
}

export interface MoveOptions {
  database: Database;
  /** With the key of before. A record whose seal does not fit stays as it is, and is not used. */
  seal: Seal;
  moves: Moves;
  /** Folders that are there, by their ids of before: tasks that put files into them may be forgotten. */
  folders: readonly string[];
}

/**
 * Changes where tasks put their files and where their finished files are, in one transaction. Call it while no service uses
 * the database. Returns the number of tasks.
 */
export function moveOutputs({ database, seal, moves, folders }: MoveOptions): number {
  const isTaken = (hash: string) =>
    database.row('SELECT 1 FROM taken_names WHERE folder = ?', hash) !== undefined;
  const hashOf = (folder: OutputFolder) => hashId(namesRecord(folder));
  const moveNames = (folder: OutputFolder, moved: OutputFolder) => {
    if (!isTaken(hashOf(folder))) return;
    database.run('INSERT OR IGNORE INTO taken_names (folder) VALUES (?)', hashOf(moved));
    database.run('DELETE FROM taken_names WHERE folder = ?', hashOf(folder));
  };

  const moveReports = (taskId: string) => {
    const rows = database.rows<{ combination: number; body: string; seal: string | null }>(
      'SELECT combination, body, seal FROM reports WHERE task_id = ?',
      taskId,
    );
    for (const { combination, body, seal: own } of rows) {
      const name = reportRecord(taskId, combination);
      if (!seal.fits(name, body, own)) continue;
      const moved = JSON.stringify(movedReport(JSON.parse(body) as Report, moves));
      database.run(
        'UPDATE reports SET body = ?, seal = ? WHERE task_id = ? AND combination = ?',
        moved,
        seal.of(name, moved),
        taskId,
        combination,
      );
    }
  };

  const moveTask = (id: string): boolean => {
    const row = database.row<{ body: string; seal: string | null }>(
      'SELECT body, seal FROM tasks WHERE id = ?',
      id,
    );
    if (row === undefined || !seal.fits(taskRecord(id), row.body, row.seal)) return false;
    const task = JSON.parse(row.body) as Task;
    const folder = moves.folder(task.folder);
    if (folder === undefined) return false;
    const body = JSON.stringify({ ...task, folder });
    database.run(
      'UPDATE tasks SET folder_id = ?, body = ?, seal = ? WHERE id = ?',
      folder.id,
      body,
      seal.of(taskRecord(id), body),
      id,
    );
    moveNames(task.folder, folder);
    moveReports(id);
    return true;
  };

  return database.transaction(() => {
    for (const id of folders) {
      const folder = { id, location: id };
      const moved = moves.folder(folder);
      if (moved !== undefined) moveNames(folder, moved);
    }
    const tasks = database.rows<{ id: string }>('SELECT id FROM tasks ORDER BY seq');
    return tasks.filter(({ id }) => moveTask(id)).length;
  });
}

function movedReport(report: Report, { url }: Moves): Report {
  return {
    ...report,
    url: report.url === null ? null : url(report.url),
    ...(report.files && { files: report.files.map((file) => ({ ...file, url: url(file.url) })) }),
  };
}
