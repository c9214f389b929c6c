/**
 * Runs once before all test files (`node --test --test-global-setup`): one pair of emulators serves them all, and what Node
 * compiles for one process is kept for the others.
 */
import { resolve } from 'node:path';
import { type Emulators, findEmulators, startEmulators } from '../infra/emulators/google-emulators.ts';
import { describeSample } from './fixtures/system/sample.ts';

const COMPILED = resolve(import.meta.dirname, '../node_modules/.cache/every-cut/compiled');

let emulators: Emulators | undefined;

export async function globalSetup(): Promise<void> {
  process.stdout.write(`${describeSample()}\n`);
  process.env['NODE_COMPILE_CACHE'] ??= COMPILED;
  const found = findEmulators(process.env);
  // The suites that need the emulators report why they are skipped.
  if ('missing' in found) return;
  emulators = await startEmulators(found);
  // Test files inherit the environment.
  Object.assign(process.env, emulators.hosts);
}

export async function globalTeardown(): Promise<void> {
  await emulators?.[Symbol.asyncDispose]();
}
