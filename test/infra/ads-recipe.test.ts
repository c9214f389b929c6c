/** The recipe for ads, run against the real host. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const RECIPES = resolve(import.meta.dirname, '../../infra/recipes');
const run = promisify(execFile);
const recipe = (name: string) => readFileSync(join(RECIPES, name), 'utf8');

describe('the recipe for ads', { timeout: 300_000 }, () => {
  let dir: TempDir;
  let host: TestHost;
  let clips: SourceServer;

  before(async () => {
    dir = await tempDir();
    const file = await makeClip(join(dir.path, 'hook-a.mp4'), { colour: 'red', frames: 15 });
    const body = await readFile(file);
    const names = ['hook-a', 'hook-b', 'hook-c', 'body-a', 'body-b', 'body-c', 'cta-a', 'cta-b'];
    clips = await startSourceServer(Object.fromEntries(names.map((name) => [`/${name}.mp4`, { body }])));
    host = await startTestHost(dir.path, {});
  });
  after(async () => {
    await host?.[Symbol.asyncDispose]();
    await clips?.[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  test('makes them in all formats and languages, with names and files as it says', async () => {
    const whole = JSON.parse(
      recipe('ads.json').replaceAll('https://example.com/', clips.url('/')),
    ) as Json & { output: { formats: string[] } };
    const answer = await fetch(`${host.url}/process_media`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...whole, dry_run: true }),
    });
    const plan = (await answer.json()) as Json;
    assert.equal(plan['dry_run'], true, JSON.stringify(plan));
    const selection = plan['selection'] as { chosen: number; blocks: { clips: { uses: number }[] }[] };
    assert.deepEqual([plan['combinations'], selection.chosen], [72, 12]);
    for (const { clips } of selection.blocks.slice(0, 2))
      assert.deepEqual(new Set(clips.map(({ uses }) => uses)), new Set([4]));

    // The first combination in each format and language, in sizes that are quick to make.
    const small = { '9x16': [90, 160], '4x5': [128, 160], '1x1': [160, 160] } as Record<string, number[]>;
    const formats = whole.output.formats.map((name) => ({
      name,
      width: small[name]?.[0],
      height: small[name]?.[1],
    }));
    const first = {
      include: [{ hooks: 'Question', bodies: 1, ctas: 1 }],
      limit: 1,
      output: { ...whole.output, formats },
    };
    const file = join(dir.path, 'ads.json');
    await writeFile(file, JSON.stringify({ ...whole, ...first }));
    const { stdout } = await run(process.execPath, [join(RECIPES, 'submit-and-wait.mjs'), file], {
      env: { PATH: process.env['PATH'], EVERY_CUT_URL: host.url },
    });
    const made = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t') as [string, string]);
    const [, shown = ''] = /```\n(English[\s\S]*?)\n```/.exec(recipe('README.md')) ?? [];
    const [name = '', ...beside] = shown.split('\n');
    assert.deepEqual(
      made.map(([known]) => known).sort(),
      ['9x16', '4x5', '1x1']
        .flatMap((format) => {
          const english = name.replaceAll('9x16', format);
          return [english, english.replace('English', 'Deutsch').replace('-en-', '-de-')];
        })
        .sort(),
    );
    const [, url = ''] = made.find(([known]) => known === name) ?? [];
    for (const known of beside) assert.ok((await stat(new URL(basename(known), url))).size > 0, known);
  });
});
