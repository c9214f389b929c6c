import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { CODES } from '../functions/codes.ts';
import { loadConfig } from '../functions/config.ts';
import { SETTINGS } from '../functions/settings.ts';

const ROOT = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const example = readFileSync(join(ROOT, '.env.example'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** Rows of the README's tables whose first cell is code. */
const rows = new Map(
  [...readme.matchAll(/^\| `([A-Za-z_]+)` \|(.*)\|$/gm)].map(([, name, rest]) => [
    name as string,
    (rest as string).split('|').map((cell) => cell.trim()),
  ]),
);

describe('.env.example', () => {
  test('names every setting, in order, with its default, and no other', () => {
    const lines = [...example.matchAll(/^#([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    const expected = SETTINGS.map((setting) => [
      setting.name,
      /^(cores|$)/.test(setting.default) ? '' : setting.default,
    ]);
    assert.deepEqual(lines, expected);
  });

  test('gives the defaults when all of it is switched on', () => {
    const on = Object.fromEntries(
      [...example.matchAll(/^#([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, n, v]) => [n, v]),
    );
    assert.deepEqual(loadConfig(on), loadConfig({}));
  });
});

describe('the README', () => {
  for (const { name, about, default: fallback } of SETTINGS) {
    test(`tells what ${name} is`, () => {
      assert.deepEqual(rows.get(name), [fallback === '' ? '' : `\`${fallback}\``, about]);
    });
  }

  for (const [code, entry] of Object.entries(CODES)) {
    test(`tells what ${code} means and what cures it`, () => {
      const kind = 'status' in entry ? String(entry.status) : entry.kind;
      assert.deepEqual(rows.get(code), [kind, entry.title, entry.cure]);
    });
  }

  test('tells which code each refusal of a vendor becomes, and of what kind that is', () => {
    const refusals = [
      ...readme.matchAll(
        /^\| (?:Google Drive|Cloud Storage|ElevenLabs)[^|]*\|[^|]+\| `(\w+)` \| (\w+) \|$/gm,
      ),
    ];
    assert.ok(refusals.length >= 12);
    for (const [row, code, kind] of refusals)
      assert.equal(CODES[code as keyof typeof CODES]?.kind, kind, row);
  });

  test('names only scripts that there are', () => {
    const named = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map(([, name]) => name as string);
    assert.ok(named.length > 0);
    for (const name of named) assert.ok(name in scripts, name);
  });

  test('names only files that there are', () => {
    const named = [...readme.matchAll(/`((?:functions|infra|test)\/[\w./-]+)`/g)].map(
      ([, name]) => name as string,
    );
    assert.ok(named.length > 0);
    for (const name of named) assert.ok(existsSync(join(ROOT, name)), name);
  });
});
