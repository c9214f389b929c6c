/** Runs the back-up commands of infra/OPERATIONS.md exactly as printed there, on a service that is working. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startTestHost } from '../fixtures/hosts/host.ts';
import { serveColourClips, threeBlocks } from '../fixtures/media/colour-clips.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** The commands below a marker, without the indent of a list. */
function commands(marker: string): string {
  const text = readFileSync(join(ROOT, 'infra/OPERATIONS.md'), 'utf8');
  const found = new RegExp(`( *)<!-- ${marker} -->\\n *\`\`\`sh\\n([\\s\\S]*?)\\n *\`\`\``).exec(text);
  assert.ok(found, marker);
  return (found[2] as string).replaceAll(new RegExp(`^${found[1]}`, 'gm'), '');
}

describe('the back-up of infra/OPERATIONS.md', { timeout: 180_000 }, () => {
  test('is made while a task is under way, and lets the task complete after it is restored', async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, 'clips'));
    await using sources = await serveColourClips(join(dir.path, 'clips'));
    symlinkSync(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'));
    const env = { DATA_DIR: join(dir.path, '.data'), RENDER_CONCURRENCY: '1' };
    const sh = (script: string) => run('sh', ['-c', script], { cwd: dir.path });

    let taskId: string;
    {
      await using host = await startTestHost(dir.path, env);
      const request = { task_name: 'kept', video_blocks: threeBlocks(sources).slice(0, 2) };
      taskId = String((await host.post(request)).body['task_id']);
      while (Number((await host.get(`/tasks/${taskId}`))['succeeded']) < 1) await pause(20);
      // A temporary file may be gone before cp gets to it.
      await sh(commands('backup')).catch((error: { stderr: string }) =>
        assert.doesNotMatch(error.stderr, /Error|every-cut\.sqlite/),
      );
      assert.ok((await stat(join(dir.path, 'backup/every-cut.sqlite'))).size > 0);
      // What happens after the back-up is not in it.
      await host.end(taskId);
    }
    await sh(commands('restore'));

    await using host = await startTestHost(dir.path, env);
    const { status, renders } = await host.end(taskId);
    assert.equal(status['status'], 'completed');
    assert.equal(status['succeeded'], renders.length);
    for (const { url } of renders) assert.ok((await stat(new URL(String(url)))).size > 0);
  });
});
