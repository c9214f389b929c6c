/** The settings as people may see them: what is set, without any secret. */
import { withoutPath } from '../base/address-text.ts';
import { SETTINGS, type Setting } from './settings.ts';

export interface ShownSetting {
  name: string;
  /** As it is set; null: not set, or not to be shown. */
  value: string | null;
  /** As the documents show it; empty where there is none. */
  default: string;
  about: string;
  isSecret: boolean;
  isSet: boolean;
}

/**
 * @param setTo undefined: not set
 * @param isOneOfMany whether this process is one of several functions, each with settings of its own
 */
export function shownSettings(
  setTo: (name: string) => string | undefined,
  isOneOfMany: boolean,
): ShownSetting[] {
  return SETTINGS.filter(({ ofOthers }) => !(isOneOfMany && ofOthers)).map((setting) =>
    shown(setting, setTo(setting.name)),
  );
}

function shown(setting: Setting, value?: string): ShownSetting {
  const { name, default: usual, about, secret = false, secretPath = false } = setting;
  const seen = secretPath && value !== undefined ? withoutPath(value) : value;
  return {
    name,
    value: seen === undefined || secret || hasCredentials(seen) ? null : seen,
    default: usual,
    about,
    isSecret: secret,
    isSet: value !== undefined,
  };
}

/** A query may be as good as a password. */
function hasCredentials(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && [url.username, url.password, url.search].some((part) => part !== '');
}
