import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { filesOf, GROUPS, type Group } from './fixtures/system/together.ts';

const ROOT = resolve(import.meta.dirname, '..');
const FUNCTIONS = join(ROOT, 'functions');

const files = readdirSync(FUNCTIONS, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
const textOf = new Map(files.map((file) => [file, readFileSync(join(FUNCTIONS, file), 'utf8')]));
const importsOf = new Map(files.map((file) => [file, imports(textOf.get(file) ?? '')]));

/** What the files of each folder may import besides their own folder. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  model: ['base'],
  ports: ['base', 'model'],
  client: ['model'],
  web: ['client', 'model'],
  media: ['base', 'model', 'ports'],
  coordination: ['base', 'model', 'ports'],
  config: ['base', 'model', 'ports'],
  pipeline: ['base', 'model', 'ports', 'media', 'coordination', 'config'],
  stages: ['base', 'model', 'ports', 'media', 'coordination', 'config', 'pipeline'],
  http: ['base', 'model', 'ports', 'media', 'coordination', 'config', 'pipeline'],
  'adapters/shared': ['base', 'model', 'ports'],
  'adapters/*': ['base', 'model', 'ports', 'adapters/shared'],
};
/** These compose the adapters and stages. */
const COMPOSITION = ['hosts', 'index.ts', 'local.ts'];

function roomOf(file: string): string {
  const [folder, product, rest] = file.split('/');
  return folder === 'adapters' && rest !== undefined ? `adapters/${product}` : (folder as string);
}

function rulesFor(room: string): readonly string[] | undefined {
  return MAY_IMPORT[room] ?? (room.startsWith('adapters/') ? MAY_IMPORT['adapters/*'] : undefined);
}

function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier]) => specifier as string);
}

function ownImports(file: string): string[] {
  return (importsOf.get(file) ?? [])
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(FUNCTIONS, resolve(FUNCTIONS, dirname(file), specifier)));
}

function filesThatImport(what: RegExp): string[] {
  return files.filter((file) => (importsOf.get(file) ?? []).some((name) => what.test(name)));
}

describe('the layers of functions/', () => {
  test('have no loose files: every file is in a folder that has rules', () => {
    assert.ok(files.length > 100);
    const rooms = new Set(files.map(roomOf));
    const unknown = [...rooms].filter((room) => rulesFor(room) === undefined && !COMPOSITION.includes(room));
    assert.deepEqual(unknown, []);
    assert.ok(!rooms.has('adapters'), 'each product has its own folder in adapters/');
  });

  test('import only downwards, and no adapter imports another', () => {
    const against = files.flatMap((file) => {
      const allowed = rulesFor(roomOf(file));
      if (allowed === undefined) return [];
      return ownImports(file)
        .filter((used) => roomOf(used) !== roomOf(file) && !allowed.includes(roomOf(used)))
        .map((used) => `${file} imports ${used}`);
    });
    assert.deepEqual(against, []);
  });

  test('have no circular imports', () => {
    const done = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      assert.ok(!path.includes(file), `a circle: ${[...path, file].join(' > ')}`);
      if (done.has(file)) return;
      for (const used of ownImports(file)) visit(used, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
  });

  test('read MP4 in media/mp4/, which knows nothing of copying', () => {
    const used = files.filter((file) => file.startsWith('media/mp4/')).flatMap(ownImports);
    assert.deepEqual(
      used.filter((file) => file.startsWith('media/native/')),
      [],
    );
  });

  test('read the environment only in config/config.ts', () => {
    assert.deepEqual(
      files.filter((file) => /process\.env/.test(textOf.get(file) ?? '')),
      ['config/config.ts'],
    );
  });

  test('retry only in coordination/retry-policy.ts', () => {
    assert.deepEqual(filesThatImport(/^p-retry$/), ['coordination/retry-policy.ts']);
  });

  test('start processes only in media/child.ts', () => {
    assert.deepEqual(filesThatImport(/^(node:)?child_process$/), ['media/child.ts']);
  });

  test('import vendor SDKs only in adapters/, and the framework only in index.ts', () => {
    const vendors =
      /^(@google-cloud\/(?!functions-framework)|googleapis|elevenlabs|undici|text2wav|sherpa-onnx|node:sqlite)/;
    assert.deepEqual(
      filesThatImport(vendors).filter((file) => !file.startsWith('adapters/')),
      [],
    );
    assert.deepEqual(filesThatImport(/functions-framework/), ['index.ts']);
  });

  test('keep model/ free of I/O, clock and environment', () => {
    for (const file of files.filter((name) => roomOf(name) === 'model')) {
      assert.doesNotMatch(
        textOf.get(file) ?? '',
        /from 'node:|Date\.|Math\.random|process\.|setTimeout/,
        file,
      );
    }
  });

  test('keep web/ free of what browsers do not have, and of all code of the service but its client', () => {
    const page = files.filter((name) => roomOf(name) === 'web');
    assert.ok(page.length > 10);
    for (const file of page) {
      const text = textOf.get(file) ?? '';
      assert.doesNotMatch(text, /from 'node:|process\.|\bBuffer\b|__dirname|https?:\/\//, file);
      const packages = (importsOf.get(file) ?? []).filter((name) => !name.startsWith('.'));
      assert.deepEqual(
        packages.filter((name) => !/^(preact(\/hooks)?|htm)$/.test(name)),
        [],
        file,
      );
      // What it loads of model/ is the same in both, and imports nothing itself.
      const loaded = text.matchAll(/^import (?!type )[^;]*? from '(?:\.\.\/)+(model\/[^']+)'/gm);
      for (const [, name = ''] of loaded) assert.deepEqual(importsOf.get(name), [], `${file} loads ${name}`);
    }
  });

  test('keep client/ free of what browsers do not have, and of all code of the service but its paths', () => {
    for (const file of files.filter((name) => roomOf(name) === 'client')) {
      const text = textOf.get(file) ?? '';
      assert.doesNotMatch(text, /from '[^.]|process\.|\bBuffer\b|setImmediate|__dirname|import\.meta/, file);
      const loaded = text.matchAll(/^import (?!type )[^;]*? from '\.\.\/([^']+)'/gm);
      assert.deepEqual(
        [...loaded].map(([, name]) => name).filter((name) => name !== 'model/paths.ts'),
        [],
        file,
      );
    }
  });

  test('keep only interfaces in ports/, with their data types in model/', () => {
    const ports = files.filter((file) => roomOf(file) === 'ports');
    const declared = ports.flatMap((file) => [...(textOf.get(file) ?? '').matchAll(/^export (\w+) (\w+)/gm)]);
    assert.ok(ports.length > 10 && declared.length >= ports.length);
    for (const [line, kind] of declared) assert.equal(kind, 'interface', line);
  });
});

describe('test/', () => {
  test('mirrors functions/: a folder of tests has the name of the folder that it tests', () => {
    const TOP = ['contracts', 'fixtures', 'faults', 'bench', 'infra'];
    const rooms = new Set(files.map((file) => dirname(file)));
    const folders = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && file.includes('/'))
      .map((file) => dirname(file))
      .filter((folder) => !TOP.includes(folder.split('/')[0] as string));
    assert.deepEqual(
      [...new Set(folders)].filter((folder) => !rooms.has(folder)),
      [],
    );
  });
});

describe('npm test', () => {
  test('runs each test file once: with others, or in a process of its own', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: { test: string };
    };
    const patterns = [...scripts.test.matchAll(/"([^"]+)"/g)].map(([, pattern]) => pattern as string);
    const listed = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT }));
    const groups = (Object.keys(GROUPS) as Group[]).flatMap((group) => {
      const file = `test/groups/${group}.ts`;
      assert.match(readFileSync(join(ROOT, file), 'utf8'), new RegExp(`^runTogether\\('${group}'\\);$`, 'm'));
      return [{ file, runs: filesOf(group).map((test) => join('test', test)) }];
    });
    assert.deepEqual(
      listed.filter((file) => file.startsWith('test/groups/')).sort(),
      groups.map(({ file }) => file).sort(),
    );
    const run = [
      ...listed.filter((file) => file.endsWith('.test.ts')),
      ...groups.flatMap(({ runs }) => runs),
    ];
    assert.ok(groups.every(({ runs }) => runs.length > 1));
    assert.deepEqual(run.sort(), globSync('test/**/*.test.ts', { cwd: ROOT }).sort());
  });
});
