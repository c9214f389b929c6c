import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, loadConfig } from '../functions/config.ts';
import { SETTINGS } from '../functions/settings.ts';

function problems(env: Record<string, string>): string {
  try {
    loadConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return '';
}

describe('settings', () => {
  test('have defaults that need nothing', () => {
    const config = loadConfig({});
    assert.equal(config.port, 8080);
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.maxCombinations, 1000);
    assert.equal(config.allowPrivateUrls, true);
    assert.equal(config.apiKey, undefined);
  });

  test('left empty, as in a copied .env, count as not set', () => {
    const empty = Object.fromEntries(SETTINGS.map(({ name }) => [name, '']));
    assert.deepEqual(loadConfig(empty), loadConfig({}));
  });

  test('are all checked, and reported together', () => {
    const text = problems({ PORT: 'http', MAX_COMBINATIONS: '0', LOG_LEVEL: 'loud', OUTPUT: 'tape' });
    for (const name of ['PORT', 'MAX_COMBINATIONS', 'LOG_LEVEL', 'OUTPUT'])
      assert.match(text, new RegExp(`${name}: expected`));
    assert.match(text, /PORT: expected a port from 0 to 65535, got "http"/);
  });

  test('of a secret are masked', () => {
    const text = problems({ API_KEY: 'hunter2' });
    assert.match(text, /API_KEY: expected at least 16 characters, got 7 characters/);
    assert.doesNotMatch(text, /hunter2/);
  });

  test('that this build cannot honour are refused, not ignored', () => {
    assert.match(problems({ ELEVENLABS_API_KEY: 'k' }), /ELEVENLABS_API_KEY: not available in this build/);
    assert.match(problems({ OUTPUT: 'drive' }), /OUTPUT: expected local, got "drive"/);
  });

  test('know of an npm start, and of no other script of npm', () => {
    const launched = (event?: string) =>
      loadConfig(event === undefined ? {} : { npm_lifecycle_event: event }).launchedByNpm;
    assert.deepEqual([launched('start'), launched('test'), launched()], [true, false, false]);
  });

  test('ask for a key where others than this machine can call', () => {
    assert.match(problems({ HOST: '0.0.0.0' }), /API_KEY: expected a key .* HOST is 0.0.0.0/);
    assert.equal(problems({ HOST: '0.0.0.0', API_KEY: 'k'.repeat(16) }), '');
  });

  test('allow private addresses by themselves only on loopback and outside the cloud', () => {
    const key = 'k'.repeat(16);
    assert.equal(loadConfig({ HOST: '0.0.0.0', API_KEY: key }).allowPrivateUrls, false);
    assert.equal(loadConfig({ K_SERVICE: 'render' }).allowPrivateUrls, false);
    assert.equal(
      loadConfig({ HOST: '0.0.0.0', API_KEY: key, ALLOW_PRIVATE_URLS: '1' }).allowPrivateUrls,
      true,
    );
    assert.equal(loadConfig({ ALLOW_PRIVATE_URLS: 'false' }).allowPrivateUrls, false);
  });
});
