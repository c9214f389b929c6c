/** Which encoder makes the clips. */
import { HARDWARE_NAMES, type HardwareName } from '../model/pins.ts';
import type { SettingsReader } from './settings-reader.ts';

const FORM = new RegExp(`^(x264|${HARDWARE_NAMES.join('|')})$`);

/**
 * Undefined: x264, which is all that the functions have. Their instances would also have to agree on what works.
 * @param functions whether this is one of them, or a host on their emulators
 */
export function readVideoEncoder(read: SettingsReader, functions: boolean): HardwareName | undefined {
  const wanted = read.text('VIDEO_ENCODER', 'x264', FORM);
  if (wanted === 'x264') return undefined;
  if (functions) {
    read.problem(`VIDEO_ENCODER: expected x264 on Google Cloud and its emulators, got ${wanted}. Remove it.`);
  }
  return wanted as HardwareName;
}
