/** The command line of `npm run make`. */
import { parseArgs } from 'node:util';
import { closest } from 'fastest-levenshtein';
import type { Environment } from '../../functions/config/config.ts';
import { CAPTION_MODES } from '../../functions/model/captions.ts';
import { KNOWN_FORMAT_NAMES } from '../../functions/model/formats.ts';

export interface Options {
  /** A folder of folders, or a request as JSON. */
  target: string;
  formats: string[] | undefined;
  /** How clips fill a format. */
  fit: string | undefined;
  captions: string | undefined;
  limit: number | undefined;
  dryRun: boolean;
  name: string | undefined;
  voice: string | undefined;
  /** Of lines without one. */
  language: string | undefined;
  /** What all choices are drawn with; undefined: with one of the inputs. */
  seed: number | undefined;
  /** A service that is running. */
  url: string | undefined;
  key: string | undefined;
  /** Make everything anew, also what an earlier run has made. */
  again: boolean;
  /** Show the folder of the videos at the end. */
  open: boolean;
}

const OPTIONS = {
  format: { type: 'string', multiple: true },
  fit: { type: 'string' },
  captions: { type: 'string' },
  limit: { type: 'string' },
  'dry-run': { type: 'boolean' },
  name: { type: 'string' },
  voice: { type: 'string' },
  language: { type: 'string' },
  seed: { type: 'string' },
  url: { type: 'string' },
  key: { type: 'string' },
  again: { type: 'boolean' },
  'no-open': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const FITS = ['contain', 'cover', 'blur'];
const MOST_SEED = 2 ** 32 - 1;
const HELP_HINT = 'Next step: --help shows all options.';
/** What people write into settings of npm itself. */
const NPM_SETTINGS = ['key'];

/** 'help' if that was asked for. Throws an Error that says what is wrong. */
export function readOptions(args: readonly string[], env: Environment = {}): Options | 'help' {
  refuseKept(args, env);
  const { values, positionals } = parsed(args);
  if (values.help) return 'help';
  const [target, ...more] = positionals;
  if (target === undefined)
    throw new Error(
      'Expected a folder of clips, got none. Next step: name one, or see --help for what it looks like.',
    );
  if (target === '')
    throw new Error(
      'Expected a folder of clips, got an empty name. Next step: in a shell, see that its variable is set.',
    );
  if (more.length > 0)
    throw new Error(
      `Expected one folder, got ${positionals.length}: ${positionals.join(', ')}. ` +
        'Next step: in a shell, put quotes around a path with spaces.' +
        (env['npm_lifecycle_event'] === 'make'
          ? ' With options, write -- before the folder: npm run make -- FOLDER --format 9x16'
          : ''),
    );
  return {
    target,
    formats: values.format
      ?.flatMap((list) => list.split(','))
      .map((name) => oneOf('--format', KNOWN_FORMAT_NAMES, name.trim())),
    fit: values.fit === undefined ? undefined : oneOf('--fit', FITS, values.fit),
    captions: values.captions === undefined ? undefined : oneOf('--captions', CAPTION_MODES, values.captions),
    limit: values.limit === undefined ? undefined : countIn('--limit', values.limit),
    dryRun: values['dry-run'] === true,
    name: values.name,
    voice: values.voice,
    language: values.language,
    seed: values.seed === undefined ? undefined : seedIn(values.seed),
    url: values.url === undefined ? undefined : webUrl(values.url),
    key: values.key,
    again: values.again === true,
    open: values['no-open'] !== true,
  };
}

/** Without `--`, npm keeps options for itself: a dry run would make everything. Names all of them. */
function refuseKept(args: readonly string[], env: Environment): void {
  if (env['npm_lifecycle_event'] !== 'make') return;
  const kept = Object.entries(OPTIONS).flatMap(([name, { type }]) => {
    // npm reads --no-open as one that says no to "open".
    if (name === 'no-open') return env['npm_config_open'] === '' ? ['--no-open'] : [];
    const value = env[`npm_config_${name.replaceAll('-', '_')}`];
    if (value === undefined || NPM_SETTINGS.includes(name)) return [];
    if (type === 'boolean') return [`--${name}`];
    // Of an option that npm does not know, the value is left among the folders.
    return [`--${name} ${value === 'true' ? '…' : quoted(value)}`];
  });
  if (kept.length === 0) return;
  const [folder = 'FOLDER'] = args;
  throw new Error(
    `Expected -- between make and the options, got ${kept.join(' ')} without it: npm keeps it for itself. ` +
      `Nothing was started. Next step: npm run make -- ${[quoted(folder), ...kept].join(' ')}`,
  );
}

/** As a shell takes it. */
function quoted(text: string): string {
  return /^[\w./:,=@%+-]+$/.test(text) ? text : `"${text.replaceAll(/["\\$`]/g, '\\$&')}"`;
}

function parsed(args: readonly string[]) {
  const unknown = args
    .slice(0, args.includes('--') ? args.indexOf('--') : args.length)
    .map((arg) => /^--([^=]+)/.exec(arg)?.[1])
    .find((name) => name !== undefined && !Object.hasOwn(OPTIONS, name));
  if (unknown !== undefined) {
    const nearest = closest(unknown, Object.keys(OPTIONS));
    throw new Error(
      `Expected an option that there is, got --${unknown}. Did you mean --${nearest}? ${HELP_HINT}`,
    );
  }
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new Error(`${(error as Error).message.split('\n')[0]} ${HELP_HINT}`, { cause: error });
  }
}

function countIn(option: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error(`Expected ${option} with a whole number from 1, got ${JSON.stringify(text)}. ${HELP_HINT}`);
}

function oneOf(option: string, known: readonly string[], text: string): string {
  if (known.includes(text)) return text;
  throw new Error(
    `Expected ${option} with ${known.join(', ')}, got ${JSON.stringify(text)}. ` +
      `Did you mean ${closest(text, known)}? ${HELP_HINT}`,
  );
}

function seedIn(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= MOST_SEED) return Number(text);
  throw new Error(
    `Expected --seed with a whole number from 0 to ${MOST_SEED}, got ${JSON.stringify(text)}. ${HELP_HINT}`,
  );
}

function webUrl(text: string): string {
  // As services print it, without what it begins with.
  const url = URL.parse(/^(\[[\da-f:]+\]|[\w.-]+):\d+(\/|$)/i.test(text) ? `http://${text}` : text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Error(
      `Expected --url with the http(s) address of a service, got ${JSON.stringify(text)}. ${HELP_HINT}`,
    );
  // Not shown: it may be a password.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new Error(
      'Expected --url with nothing but the address of a service, got a user name, a query or a # in it. ' +
        'Next step: leave that out, and give an API key with --key.',
    );
  return url.href.replace(/\/+$/, '');
}
