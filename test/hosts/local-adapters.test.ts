import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { startHost } from '../../functions/hosts/local.ts';
import { composeLocal } from '../../functions/hosts/local-adapters.ts';
import { sampleTask } from '../contracts/samples.ts';
import { piperFolder } from '../fixtures/speech/tiny-voice.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

test('the next start frees the leases of a dead host, and ends all rests', async () => {
  await using dir = await tempDir();
  const config = loadConfig({ DATA_DIR: join(dir.path, 'data'), OUTPUT_DIR: join(dir.path, 'output') });
  const log = createLog({ level: 'error', pretty: false, write: () => {} });
  {
    await using dead = await composeLocal(config, log);
    assert.ok(await dead.deps.leases.take('render/a/1', 60_000));
    await dead.deps.attempts.rest('fetch-pause/a/0', 60_000);
  }
  await using next = await composeLocal(config, log);
  assert.equal((await next.deps.leases.take('render/a/1', 60_000))?.previous, 'lapsed');
  assert.equal(await next.deps.attempts.rest('fetch-pause/a/0', 60_000), 2);
});

test('a start says of tasks that it cannot take up whether their key is missing or their seal', async () => {
  await using dir = await tempDir();
  const lines: string[] = [];
  const log = createLog({ level: 'info', pretty: true, write: (line) => lines.push(line) });
  const data = join(dir.path, 'data');
  const config = loadConfig({ DATA_DIR: data, OUTPUT_DIR: join(dir.path, 'output'), PORT: '0' });
  const tasks = [1, 2, 3, 4].map(() => sampleTask());
  {
    await using first = await composeLocal(config, log);
    for (const task of tasks) assert.ok(await first.deps.tasks.create(task));
  }
  {
    using database = openDatabase(join(data, 'every-cut.sqlite'));
    database.run('UPDATE tasks SET seal = NULL WHERE id = ?', tasks[0]?.id ?? '');
    database.run(
      `UPDATE tasks SET seal = 'another' WHERE id IN (?, ?)`,
      tasks[1]?.id ?? '',
      tasks[2]?.id ?? '',
    );
    database.run('UPDATE tasks SET finished_at = 1 WHERE id = ?', tasks[3]?.id ?? '');
  }
  const host = await startHost(config, log);
  await host.stop();
  assert.match(
    lines.find((line) => line.includes('Listening on')) ?? '',
    /no task is taken up again; 2 tasks not, for want of the key .*; 1 task not, as an old build stored them without a seal\n/,
  );
});

test('a damaged signing key stops the start with its own message, and a folder that cannot be used with another', async () => {
  await using dir = await tempDir();
  const log = createLog({ level: 'error', pretty: false, write: () => {} });
  const config = (name: string) =>
    loadConfig({ DATA_DIR: join(dir.path, name), OUTPUT_DIR: join(dir.path, 'output') });
  await mkdir(join(dir.path, 'data'));
  await writeFile(join(dir.path, 'data', 'signing.key'), 'damaged');
  await assert.rejects(composeLocal(config('data'), log), { message: /^Expected the key of 43 characters/ });
  await writeFile(join(dir.path, 'file'), '');
  await assert.rejects(composeLocal(config('file/data'), log), { message: /^Expected DATA_DIR .* EEXIST/ });
});

test('a neural voice speaks if its folder is set, and eSpeak what it cannot; a broken one stops the start with its own message', async () => {
  await using dir = await tempDir();
  const log = createLog({ level: 'error', pretty: false, write: () => {} });
  const voice = piperFolder(join(dir.path, 'vits-piper-en_US-tiny-low'));
  const config = loadConfig({
    DATA_DIR: join(dir.path, 'data'),
    OUTPUT_DIR: join(dir.path, 'output'),
    OFFLINE_VOICE: voice,
  });
  {
    await using host = await composeLocal(config, log);
    const { speech } = host.deps;
    assert.match(speech.notice ?? '', /offline neural voice vits-piper-en_US-tiny-low\./);
    const { signal } = new AbortController();
    const providerOf = async (language: string) =>
      (await speech.identity({ text: 'x', voice: 'Anna', language }, signal))[0];
    assert.deepEqual([await providerOf('en'), await providerOf('de')], ['neural', 'espeak']);
  }
  await rm(join(voice, 'tokens.txt'));
  await assert.rejects(composeLocal(config, log), {
    message: new RegExp(
      `^OFFLINE_VOICE \\(${voice}\\): expected a file tokens\\.txt, got none\\. Next step: `,
    ),
  });
});
