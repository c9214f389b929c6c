/** Reads which Google Drive account the service uses, and its credentials. */
import type { DriveAuth } from '../model/drive-auth.ts';
import { inHome, type SettingsReader } from './settings-reader.ts';

/**
 * Undefined if DRIVE_AUTH is not set.
 * @param linksOnly the process only reads files shared by link, so its own account is enough
 */
export function readDriveAuth(read: SettingsReader, linksOnly: boolean): DriveAuth | undefined {
  const mode = read.optional('DRIVE_AUTH', (value) => /^(adc|oauth|delegation)$/.test(value));
  const clientId = read.optional('DRIVE_CLIENT_ID', (value) => /^[\w.-]+$/.test(value));
  const clientSecret = read.optional('DRIVE_CLIENT_SECRET', (value) => /^\S+$/.test(value));
  const refreshToken = read.optional('DRIVE_REFRESH_TOKEN', (value) => /^\S+$/.test(value));
  const subject = read.optional('DRIVE_SUBJECT', (value) => /^\S+@\S+$/.test(value));
  const keyFile = read.optional('DRIVE_KEY_FILE', () => true);
  const needed = (values: Record<string, string | undefined>): void => {
    for (const [name, value] of Object.entries(values)) {
      if (value !== undefined || read.failed(name)) continue;
      read.problem(`${name}: expected ${read.expected(name)} because DRIVE_AUTH is ${mode}, got nothing.`);
    }
  };
  switch (mode) {
    case 'adc':
      return { mode };
    case 'oauth':
      if (linksOnly) return { mode: 'adc' };
      needed({
        DRIVE_CLIENT_ID: clientId,
        DRIVE_CLIENT_SECRET: clientSecret,
        DRIVE_REFRESH_TOKEN: refreshToken,
      });
      return {
        mode,
        clientId: clientId ?? '',
        clientSecret: clientSecret ?? '',
        refreshToken: refreshToken ?? '',
      };
    case 'delegation':
      needed({ DRIVE_SUBJECT: subject });
      return { mode, subject: subject ?? '', keyFile: keyFile && inHome(keyFile) };
    default: {
      const likelyMode = [clientId, clientSecret, refreshToken].some((value) => value !== undefined)
        ? 'oauth'
        : [subject, keyFile].some((value) => value !== undefined) && 'delegation';
      if (likelyMode && !read.failed('DRIVE_AUTH')) {
        read.problemWith(
          'DRIVE_AUTH',
          `expected ${likelyMode} because other settings of ${likelyMode} are set, got nothing. Set DRIVE_AUTH=${likelyMode}.`,
        );
      }
      return undefined;
    }
  }
}
