import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const FILE = 'infra/build/compile-cache.cjs';
const run = promisify(execFile);

describe('the cache of compiled code', () => {
  it('is beside the code, and a start goes on without it where it cannot be written', async () => {
    await using dir = await tempDir();
    await mkdir(join(dir.path, 'infra/build'), { recursive: true });
    await cp(join(import.meta.dirname, '../..', FILE), join(dir.path, FILE));
    const tell = "console.log(require('node:module').getCompileCacheDir() ?? 'none')";
    const start = async () => {
      const { stdout, stderr } = await run(
        process.execPath,
        ['--require', join(dir.path, FILE), '-e', tell],
        {
          env: {},
        },
      );
      assert.equal(stderr, '');
      return stdout.trim();
    };
    assert.ok((await start()).startsWith(join(dir.path, 'node_modules/.cache/compiled')));
    await using other = await tempDir();
    await mkdir(join(other.path, 'infra/build'), { recursive: true });
    await cp(join(dir.path, FILE), join(other.path, FILE));
    // A file in the place of the folder.
    await writeFile(join(other.path, 'node_modules'), '');
    const { stdout } = await run(process.execPath, ['--require', join(other.path, FILE), '-e', tell], {
      env: {},
    });
    assert.equal(stdout.trim(), 'none');
  });

  it('is used by npm start and the demo', async () => {
    const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const name of ['start', 'demo'])
      assert.match(scripts[name] ?? '', /--require \.\/infra\/build\/compile-cache\.cjs /);
  });
});
