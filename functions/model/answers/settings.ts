import type { FromSchema } from 'json-schema-to-ts';
import { flag, list, object, text, textOrNull } from './shape.ts';

export const settingSchema = object({
  name: text('As in the environment.'),
  value: textOrNull('As it is set; null: not set, a secret, or an address with a password or a query.'),
  default: text('What holds while it is not set; empty: nothing.'),
  about: text('What it does.'),
  is_secret: flag('Whether its value is never shown.'),
  is_set: flag('Whether it is set.'),
});

export const settingsSchema = object(
  {
    version: text('Of this service.'),
    settings: list(settingSchema, 'In the order of the documents.'),
  },
  'The settings that the service was started with.',
);
export type SettingsView = FromSchema<typeof settingsSchema>;
