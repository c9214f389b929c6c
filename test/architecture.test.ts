import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '..');
const FUNCTIONS = join(ROOT, 'functions');

const files = readdirSync(FUNCTIONS, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
const textOf = new Map(files.map((file) => [file, readFileSync(join(FUNCTIONS, file), 'utf8')]));
const importsOf = new Map(files.map((file) => [file, imports(textOf.get(file) ?? '')]));

const COMPOSITION_ROOTS = [
  'index.ts',
  'cloud.ts',
  'cloud-parts.ts',
  'local.ts',
  'local-parts.ts',
  'vendor-parts.ts',
  'assembly.ts',
];
/** The settings: config.ts is given the environment, the others what it reads by. */
const CONFIG = [
  'config.ts',
  'settings-reader.ts',
  'vendors.ts',
  'drive-settings.ts',
  'elevenlabs-settings.ts',
];
/** Who may import whom: a file may use its own layer and those below. */
const LAYERS = ['errors', 'task', 'ports', 'media', 'steps', 'stages', 'roots'] as const;
type Layer = (typeof LAYERS)[number] | 'adapters';

/** What stages share; none of them is a stage. */
const STEPS = [
  'artifacts.ts',
  'attempts.ts',
  'lease.ts',
  'lease-keys.ts',
  'slots.ts',
  'gate.ts',
  'suspects.ts',
  'fetching.ts',
  'sources.ts',
  'speaking.ts',
  'http.ts',
  'renders.ts',
  'manifest.ts',
  'publish.ts',
  'accept.ts',
  'reporting.ts',
  'make-video.ts',
  'unless-cancelled.ts',
  'handed-back.ts',
  'seams.ts',
  'unread-bodies.ts',
  'every-answer.ts',
  'security-headers.ts',
  'local-server.ts',
  'rate-limit.ts',
  'callers.ts',
  'door.ts',
];

function layerOf(file: string): Layer {
  const [folder] = file.split('/');
  if (folder === 'task' || folder === 'media' || folder === 'adapters') return folder;
  if (COMPOSITION_ROOTS.includes(file)) return 'roots';
  if (
    file === 'errors.ts' ||
    file === 'codes.ts' ||
    file === 'log.ts' ||
    file === 'settings.ts' ||
    file === 'machine.ts' ||
    file === 'trace.ts'
  )
    return 'errors';
  if (CONFIG.includes(file) || file === 'ports.ts') return 'ports';
  return STEPS.includes(file) ? 'steps' : 'stages';
}

function imports(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier]) => specifier as string);
}

function ownImports(file: string): string[] {
  return (importsOf.get(file) ?? [])
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(FUNCTIONS, resolve(FUNCTIONS, dirname(file), specifier)));
}

function filesWhere(found: (file: string) => boolean): string[] {
  return files.filter(found);
}

describe('the house', () => {
  test('is looked at: the lists below are not empty', () => {
    assert.ok(files.length > 20);
    assert.ok(ownImports('local-parts.ts').includes('adapters/sqlite.ts'));
  });

  test('reads the environment in config.ts only', () => {
    assert.deepEqual(
      filesWhere((file) => /process\.env/.test(textOf.get(file) ?? '')),
      ['config.ts'],
    );
  });

  test('starts processes in media/ffmpeg.ts only', () => {
    assert.deepEqual(
      filesWhere((file) => (importsOf.get(file) ?? []).some((name) => /^(node:)?child_process$/.test(name))),
      ['media/ffmpeg.ts'],
    );
  });

  test('meets vendors in adapters/ only', () => {
    const vendors =
      /^(@google-cloud\/(?!functions-framework)|googleapis|elevenlabs|undici|text2wav|node:sqlite)/;
    assert.deepEqual(
      filesWhere(
        (file) =>
          layerOf(file) !== 'adapters' && (importsOf.get(file) ?? []).some((name) => vendors.test(name)),
      ),
      [],
    );
  });

  test('meets the framework in index.ts only', () => {
    assert.deepEqual(
      filesWhere((file) => (importsOf.get(file) ?? []).some((name) => /functions-framework/.test(name))),
      ['index.ts'],
    );
  });

  test('has adapters that know ports, errors, log and plain task code, and that no stage knows', () => {
    for (const file of files) {
      for (const used of ownImports(file)) {
        if (layerOf(file) === 'adapters') {
          assert.match(used, /^(adapters|task)\/|^(ports|errors|codes|log)\.ts$/, `${file} imports ${used}`);
        } else if (layerOf(used) === 'adapters') {
          assert.ok(COMPOSITION_ROOTS.includes(file), `${file} imports ${used}`);
        }
      }
    }
  });

  test('imports downwards only', () => {
    const height = (file: string) => LAYERS.indexOf(layerOf(file) as (typeof LAYERS)[number]);
    for (const file of files.filter((name) => layerOf(name) !== 'adapters')) {
      for (const used of ownImports(file).filter((name) => layerOf(name) !== 'adapters')) {
        assert.ok(height(used) <= height(file), `${file} imports ${used}, which stands above it`);
      }
    }
  });

  test('has no circle of imports', () => {
    const done = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      assert.ok(!path.includes(file), `a circle: ${[...path, file].join(' > ')}`);
      if (done.has(file)) return;
      for (const used of ownImports(file)) visit(used, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
  });

  test('keeps task/ free of I/O, clock and environment', () => {
    for (const file of files.filter((name) => layerOf(name) === 'task')) {
      assert.doesNotMatch(
        textOf.get(file) ?? '',
        /from 'node:|Date\.|Math\.random|process\.|setTimeout/,
        file,
      );
    }
  });
});
