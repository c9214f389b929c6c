import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { openFfmpeg, openLater } from '../../functions/media/open-ffmpeg.ts';
import { until } from '../contracts/harness.ts';
import { needsCage } from '../fixtures/media/cage.ts';
import { FFMPEG } from '../fixtures/media/finished.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const skip = process.platform === 'win32' ? 'the tiny programs are shell scripts' : false;
const PATH = process.env['PATH'] ?? '';

function listening() {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'info', pretty: false, write: (line) => lines.push(JSON.parse(line)) });
  return {
    log,
    lines,
    events: () => lines.map(({ event }) => event),
    messages: () => lines.map((line) => line['message']),
  };
}

/** Prints a version, with what it needs outside of the system's folders. */
async function wrapper(dir: TempDir, year: number): Promise<string> {
  const path = join(dir.path, 'wrapper');
  const version = `ffmpeg version 8.1.2 Copyright (c) 2000-${year} the FFmpeg developers`;
  await writeFile(join(dir.path, 'version'), `${version}\n`);
  await writeFile(path, `#!/bin/sh\nread -r line < '${dir.path}/version' || exit 1\necho "$line"\n`);
  await chmod(path, 0o755);
  return path;
}

describe('opening ffmpeg', { skip }, () => {
  test('says that a build of 2024 gets no fixes, and nothing about a newer one', async () => {
    await using dir = await tempDir();
    for (const [year, expected] of [
      [2024, ['ffmpeg.old']],
      [2026, []],
    ] as const) {
      const { log, events } = listening();
      const options = { configured: await wrapper(dir, year), searchPath: '', cage: 'off', log } as const;
      const opened = await openFfmpeg(options);
      assert.deepEqual(events(), ['ffmpeg.no_cage', ...expected]);
      await opened.ffmpeg[Symbol.asyncDispose]();
    }
  });

  test('says whether the limit on memory binds, if asked', async () => {
    const { log, events, lines } = listening();
    const options = { configured: FFMPEG, searchPath: '', cage: 'off', log, tryLimits: true } as const;
    const opened = await openFfmpeg(options);
    await until(() => events().includes('ffmpeg.limits'), 'the line about limits');
    await opened.ffmpeg[Symbol.asyncDispose]();
    const line = lines.find(({ event }) => event === 'ffmpeg.limits');
    assert.deepEqual(
      [line?.['severity'], line?.['memory']],
      process.platform === 'linux' ? ['INFO', true] : ['WARNING', false],
    );
  });

  test('runs without a cage in which ffmpeg does not start, and says why', needsCage, async () => {
    await using dir = await tempDir();
    const { log, messages } = listening();
    const configured = await wrapper(dir, 2026);
    const opened = await openFfmpeg({ configured, searchPath: PATH, cage: 'auto', log });
    assert.equal(opened.cage, 'none');
    assert.match(String(messages()[0]), /bubblewrap .* is there, but cannot start ffmpeg here/);
    await opened.ffmpeg[Symbol.asyncDispose]();
    const required = openFfmpeg({ configured, searchPath: PATH, cage: 'required', log });
    await assert.rejects(required, /FFMPEG_CAGE=required says, got none/);
  });

  test('runs without a cage where the system forbids it', async () => {
    await using dir = await tempDir();
    const bwrap = join(dir.path, 'bwrap');
    await writeFile(bwrap, '#!/bin/sh\necho "bwrap: No permissions to create a new namespace" >&2; exit 1\n');
    await chmod(bwrap, 0o755);
    const { log, messages } = listening();
    const searchPath = `${dir.path}${delimiter}/nowhere`;
    const opened = await openFfmpeg({ configured: FFMPEG, searchPath, cage: 'auto', log });
    assert.equal(opened.cage, 'none');
    if (process.platform === 'linux')
      assert.match(String(messages()[0]), /No permissions to create a new namespace/);
    await opened.ffmpeg[Symbol.asyncDispose]();
  });

  test('can wait for the first run, and is tried again after a failure', async () => {
    const { log } = listening();
    let opens = 0;
    await using ffmpeg = openLater(async () => {
      opens += 1;
      if (opens === 1) throw new Error('not yet');
      return openFfmpeg({ configured: FFMPEG, searchPath: '', cage: 'off', log });
    });
    assert.equal(opens, 0);
    await assert.rejects(ffmpeg.version(), /not yet/);
    assert.match(await ffmpeg.version(), /^ffmpeg version /);
    await ffmpeg.version();
    assert.equal(opens, 2);
  });
});
