import { homedir } from 'node:os';
import { join } from 'node:path';
import { SETTINGS } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `~/` is the home folder, as no shell reads .env. */
export function inHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

/** All that is wrong with the settings, in one message fit for a terminal. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(problems: readonly string[]) {
    super(
      `The settings have ${problems.length === 1 ? 'a mistake' : 'mistakes'}:\n${problems.map((p) => `  ${p}`).join('\n')}`,
    );
  }
}

/** Reads settings one by one, and remembers all that is wrong with them. */
export class SettingsReader {
  readonly #env: Environment;
  readonly #problems: string[] = [];
  readonly #failed = new Set<string>();

  constructor(env: Environment) {
    this.#env = env;
  }

  /** An empty value counts as not set: that is how a line is left blank in .env. */
  raw(name: string): string | undefined {
    return this.#env[name] || undefined;
  }

  text(name: string, fallback: string, form: RegExp): string {
    return this.#checked(name, (value) => form.test(value)) ?? fallback;
  }

  optional(name: string, valid: (value: string) => boolean): string | undefined {
    return this.#checked(name, valid);
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.#checked(
      name,
      (text) => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most,
    );
    return value === undefined ? fallback : Number(value);
  }

  /** A whole number, or auto. */
  count(name: string, auto: number, least: number, most: number): number {
    return this.raw(name) === 'auto' ? auto : this.integer(name, auto, least, most);
  }

  /** true, false, 1 or 0. */
  flag(name: string): boolean {
    const value = this.#checked(name, (text) => /^(true|false|1|0)$/.test(text));
    return value === 'true' || value === '1';
  }

  /** true, false, 1, 0, or auto. */
  choice(name: string, auto: boolean): boolean {
    const value = this.#checked(name, (text) => /^(auto|true|false|1|0)$/.test(text));
    return value === undefined || value === 'auto' ? auto : value === 'true' || value === '1';
  }

  /** How the setting is written, in words. */
  expected(name: string): string | undefined {
    return SETTINGS.find((setting) => setting.name === name)?.expected;
  }

  failed(name: string): boolean {
    return this.#failed.has(name);
  }

  /** Of a setting; whatever else depends on it is not worth a word then. */
  problemWith(name: string, text: string): void {
    this.#failed.add(name);
    this.problem(`${name}: ${text}`);
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  #checked(name: string, valid: (value: string) => boolean): string | undefined {
    const value = this.raw(name);
    if (value === undefined || valid(value)) return value;
    const setting = SETTINGS.find((candidate) => candidate.name === name);
    const seen = setting?.secret ? `${value.length} characters` : JSON.stringify(value);
    this.#failed.add(name);
    this.problem(`${name}: expected ${setting?.expected}, got ${seen}.`);
    return undefined;
  }
}
