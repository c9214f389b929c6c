/** What the package of eSpeak NG has: its version and its languages. */
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface Engine {
  version: string;
  /** All language codes, lower case. */
  languages: ReadonlySet<string>;
  /** Each language with its codes, the usual one first. */
  named: readonly { name: string; codes: readonly [string, ...string[]] }[];
}

const require = createRequire(import.meta.url);

let engine: Promise<Engine> | undefined;

/** Read once per process. */
export function loadEngine(): Promise<Engine> {
  engine ??= readEngine().catch((error: unknown) => {
    engine = undefined;
    throw error;
  });
  return engine;
}

async function readEngine(): Promise<Engine> {
  const manifest = require.resolve('text2wav/package.json');
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const folder = join(dirname(manifest), 'espeak-ng-data', 'lang');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const named = texts.flatMap((text) => {
    const name = /^name\s+(.*\S)/m.exec(text)?.[1];
    const [first, ...others] = codesIn(text);
    return name === undefined || first === undefined ? [] : [{ name, codes: [first, ...others] as const }];
  });
  return { version, languages: new Set(texts.flatMap(codesIn)), named };
}

function codesIn(text: string): string[] {
  return [...text.matchAll(/^language\s+(\S+)/gm)].map(([, code = '']) => code.toLowerCase());
}
