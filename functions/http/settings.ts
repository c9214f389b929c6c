/** GET /settings: what the service was started with, to be looked at. */
import { VERSION } from '../base/version.ts';
import type { ShownSetting } from '../config/shown-settings.ts';
import type { SettingsView } from '../model/answers/settings.ts';

export interface SettingsDeps {
  settings: readonly ShownSetting[];
}

export function getSettings({ settings }: SettingsDeps): Response {
  const view: SettingsView = {
    version: VERSION,
    settings: settings.map(({ isSecret, isSet, ...shown }) => ({
      ...shown,
      is_secret: isSecret,
      is_set: isSet,
    })),
  };
  return Response.json(view);
}
