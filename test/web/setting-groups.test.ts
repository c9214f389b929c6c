import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SETTINGS } from '../../functions/config/settings.ts';
import { type Setting, settingGroups, shownValue } from '../../functions/web/settings/groups.ts';

const settings: Setting[] = SETTINGS.map(({ name, default: usual, about, secret = false }) => ({
  name,
  value: null,
  default: usual,
  about,
  is_secret: secret,
  is_set: false,
}));
const setting = (name: string, more: Partial<Setting> = {}) => ({
  ...(settings.find((one) => one.name === name) as Setting),
  ...more,
});

describe('the settings on the page', () => {
  test('are each in one group, and none in that of unknown ones', () => {
    const groups = settingGroups(settings, '');
    assert.deepEqual(
      groups.flatMap(({ entries }) => entries.map(({ name }) => name)).sort(),
      SETTINGS.map(({ name }) => name).sort(),
    );
    assert.ok(!groups.some(({ title }) => title === 'Others'));
    assert.equal(settingGroups([{ ...setting('PORT'), name: 'NEW_ONE' }], '')[0]?.title, 'Others');
  });

  test('are found by name and by what they do, without regard to case and order of words', () => {
    const names = (search: string) =>
      settingGroups(settings, search).flatMap(({ entries }) => entries.map(({ name }) => name));
    assert.deepEqual(names('elevenlabs_model'), ['ELEVENLABS_MODEL']);
    assert.deepEqual(names('listen  PORT'), ['PORT']);
    assert.deepEqual(names('no such thing'), []);
  });

  test('show what holds, and of a secret only whether there is one', () => {
    assert.deepEqual(shownValue(setting('PORT')), { text: '8080', isDefault: true });
    assert.deepEqual(shownValue(setting('PORT', { value: '80', is_set: true })), {
      text: '80',
      isDefault: false,
    });
    assert.deepEqual(shownValue(setting('OUTPUT_BUCKET')), { text: 'not set', isDefault: true });
    assert.deepEqual(shownValue(setting('API_KEY')), { text: 'not set', isDefault: true });
    assert.deepEqual(shownValue(setting('API_KEY', { is_set: true })), { text: 'set', isDefault: false });
  });
});
