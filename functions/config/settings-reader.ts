/** Reads single settings and reports all that are wrong together. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withoutPath } from '../base/address-text.ts';
import { maskedValue, withoutSecrets } from './masked-value.ts';
import { SETTINGS, type Setting } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Replaces a leading `~/` by the home folder. In .env no shell does it. */
export function inHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

/** Lists all problems with the settings in one message for the terminal. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(problems: readonly string[]) {
    super(
      `The settings have ${problems.length === 1 ? 'a mistake' : 'mistakes'}:\n${problems.map((p) => `  ${p}`).join('\n')}`,
    );
  }
}

/** Reads settings one by one and collects all problems, so that you can fix them in one go. */
export class SettingsReader {
  readonly #env: Environment;
  readonly #problems: string[] = [];
  readonly #failed = new Set<string>();

  constructor(env: Environment) {
    this.#env = env;
  }

  /** An empty value counts as not set, so that .env may keep a name without a value. */
  raw(name: string): string | undefined {
    return this.#env[name] || undefined;
  }

  text(name: string, fallback: string, form: RegExp): string {
    return this.#checked(name, (value) => form.test(value)) ?? fallback;
  }

  /** @param next what to do about a wrong one, as a sentence */
  optional(name: string, valid: (value: string) => boolean, next = ''): string | undefined {
    return this.#checked(name, valid, next);
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.#checked(
      name,
      (text) => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most,
    );
    return value === undefined ? fallback : Number(value);
  }

  /** A whole number or `auto`. */
  count(name: string, auto: number, least: number, most: number): number {
    return this.raw(name) === 'auto' ? auto : this.integer(name, auto, least, most);
  }

  /** `true`, `false`, `1` or `0`. */
  flag(name: string): boolean {
    const value = this.#checked(name, (text) => /^(true|false|1|0)$/.test(text));
    return value === 'true' || value === '1';
  }

  /** `true`, `false`, `1`, `0` or `auto`. */
  choice(name: string, auto: boolean): boolean {
    const value = this.#checked(name, (text) => /^(auto|true|false|1|0)$/.test(text));
    return value === undefined || value === 'auto' ? auto : value === 'true' || value === '1';
  }

  /** The form of the setting in words, as the settings table has it. */
  expected(name: string): string | undefined {
    return SETTINGS.find((setting) => setting.name === name)?.expected;
  }

  failed(name: string): boolean {
    return this.#failed.has(name);
  }

  /** Also marks the setting as failed, so that problems that follow from it are not reported. */
  problemWith(name: string, text: string): void {
    this.#failed.add(name);
    this.problem(`${name}: ${text}`);
  }

  /** The log keeps it, so that secrets in it are masked. */
  problem(text: string): void {
    this.#problems.push(withoutSecrets(text, this.#secrets()));
  }

  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #checked(name: string, valid: (value: string) => boolean, next = ''): string | undefined {
    const value = this.raw(name);
    if (value === undefined || valid(value)) return value;
    const setting = SETTINGS.find((candidate) => candidate.name === name);
    this.#failed.add(name);
    this.problem(
      `${name}: expected ${setting?.expected}, got ${seenOf(value, setting)}.${next && ` ${next}`}`,
    );
    return undefined;
  }

  #secrets(): string[] {
    return SETTINGS.flatMap(({ name, secret }) => (secret ? (this.raw(name) ?? []) : []));
  }
}

function seenOf(value: string, setting: Setting | undefined): string {
  if (setting?.secret) return `${value.length} characters`;
  return JSON.stringify(setting?.secretPath ? withoutPath(maskedValue(value)) : maskedValue(value));
}
