/** The command line of `npm run make`. */
import { parseArgs } from 'node:util';
import { closest } from 'fastest-levenshtein';
import type { Environment } from '../../functions/config/config.ts';

export interface Options {
  /** A folder of folders, or a request as JSON. */
  target: string;
  formats: string[] | undefined;
  captions: string | undefined;
  limit: number | undefined;
  dryRun: boolean;
  name: string | undefined;
  voice: string | undefined;
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
  captions: { type: 'string' },
  limit: { type: 'string' },
  'dry-run': { type: 'boolean' },
  name: { type: 'string' },
  voice: { type: 'string' },
  url: { type: 'string' },
  key: { type: 'string' },
  again: { type: 'boolean' },
  'no-open': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP_HINT = 'Next step: --help shows all options.';
/** What people write into settings of npm itself. */
const NPM_SETTINGS = ['key'];

/** 'help' if that was asked for. Throws an Error that says what is wrong. */
export function readOptions(args: readonly string[], env: Environment = {}): Options | 'help' {
  refuseKept(env);
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
        'Next step: in a shell, put quotes around a path with spaces.',
    );
  return {
    target,
    formats: values.format?.flatMap((list) => list.split(',')).map((name) => name.trim()),
    captions: values.captions,
    limit: values.limit === undefined ? undefined : countIn('--limit', values.limit),
    dryRun: values['dry-run'] === true,
    name: values.name,
    voice: values.voice,
    url: values.url === undefined ? undefined : webUrl(values.url),
    key: values.key,
    again: values.again === true,
    open: values['no-open'] !== true,
  };
}

/** Without `--`, npm keeps options for itself: a dry run would make everything. */
function refuseKept(env: Environment): void {
  if (env['npm_lifecycle_event'] !== 'make') return;
  const names = Object.keys(OPTIONS).filter((name) => !NPM_SETTINGS.includes(name));
  const kept = names.find((name) => env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined);
  if (kept !== undefined)
    throw new Error(
      `Expected -- between make and the options, got --${kept} without it: npm keeps it for itself. ` +
        `Next step: npm run make -- FOLDER --${kept} …`,
    );
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

function webUrl(text: string): string {
  const url = URL.parse(text);
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
