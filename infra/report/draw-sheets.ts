import { stat } from 'node:fs/promises';
import { setMode } from '../../functions/adapters/shared/files.ts';
import type { Config } from '../../functions/config/config.ts';
import { createFfmpeg } from '../../functions/media/ffmpeg.ts';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import { shortId } from '../../functions/model/names.ts';
import { makeContactSheets, type Tile } from './contact-sheet.ts';

/** Contact sheets in `folder`, with the ffmpeg of the settings, readable by whoever may read the videos. Returns their paths. */
export async function drawContactSheets(options: {
  tiles: readonly Tile[];
  folder: string;
  /** Of the task. */
  taskId: string;
  config: Pick<Config, 'ffmpegBin' | 'searchPath'>;
  signal: AbortSignal;
}): Promise<string[]> {
  const { tiles, folder, taskId, config, signal } = options;
  const { path } = findFfmpeg({ configured: config.ffmpegBin, searchPath: config.searchPath });
  await using ffmpeg = createFfmpeg({ path });
  const sheets = await makeContactSheets({ ffmpeg, tiles, folder, id: shortId(taskId), signal });
  // A service in this process keeps new files private.
  const { mode } = await stat((tiles[0] as Tile).path);
  for (const sheet of sheets) await setMode(sheet, mode);
  return sheets;
}
