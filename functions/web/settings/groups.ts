/** The settings of the service in groups, as the documents have them. */
import type { SettingsView } from '../../model/answers/settings.ts';

export type Setting = SettingsView['settings'][number];

export interface SettingGroup {
  title: string;
  entries: readonly Setting[];
}

/** What the names of a group begin with; the first group that fits. */
const GROUPS: readonly { title: string; names: RegExp }[] = [
  { title: 'Service', names: /^(PORT|HOST|PUBLIC_URL|DATA_DIR)$/ },
  { title: 'Output', names: /^OUTPUT/ },
  { title: 'Sources', names: /^(DRIVE_SOURCES|SOURCE_BUCKETS|ALLOW_PRIVATE_URLS)$/ },
  { title: 'Google Drive', names: /^DRIVE_/ },
  { title: 'Prepared clips', names: /^CACHE_/ },
  { title: 'Voices', names: /^(SPEECH|OFFLINE_VOICE|VOICE|ESPEAK|ELEVENLABS_(?!API_URL))/ },
  { title: 'Prices', names: /_USD_/ },
  { title: 'Limits', names: /^(MAX_|TASK_DAYS$)/ },
  { title: 'Making videos', names: /^(RENDER_|FFMPEG_|VIDEO_)/ },
  {
    title: 'Access',
    names: /^(API_KEY|SIGNING_KEY|WEBHOOK_SECRET|MCP|PUBLIC_API|REQUESTS_|CORS_|TRUSTED_|PUSH_)/,
  },
  { title: 'Tests and log', names: /^(GOOGLE_API_URL|ELEVENLABS_API_URL|LOG_LEVEL)$/ },
  { title: 'Metrics and traces', names: /^OTEL_/ },
];
const OTHERS = 'Others';

/** Groups without an entry are left out. @param search words that an entry has, all of them; empty: no filter */
export function settingGroups(settings: readonly Setting[], search: string): SettingGroup[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = settings.filter(({ name, about, value }) => {
    const text = `${name} ${about} ${value ?? ''}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const groups = Map.groupBy(found, titleOf);
  return [...GROUPS.map(({ title }) => title), OTHERS].flatMap((title) => {
    const entries = groups.get(title);
    return entries === undefined ? [] : [{ title, entries }];
  });
}

/** The value that holds. */
export function shownValue({ value, default: usual, is_secret, is_set }: Setting): {
  text: string;
  isDefault: boolean;
} {
  if (value !== null) return { text: value, isDefault: false };
  if (is_set) return { text: is_secret ? 'set' : 'set, not shown', isDefault: false };
  return { text: is_secret || usual === '' ? 'not set' : usual, isDefault: true };
}

function titleOf({ name }: Setting): string {
  return GROUPS.find(({ names }) => names.test(name))?.title ?? OTHERS;
}
