/** Says why ffmpeg could not open a file from a caller. Pure. */
import { PermanentError } from '../base/errors.ts';
import type { EncryptedStreams } from './encryption.ts';
import { lastMessage } from './ffmpeg-error.ts';
import { UNENCRYPTED } from './file-kind.ts';
import type { Missing } from './missing-bytes.ts';
import type { Mp4Index } from './mp4/count-index.ts';
import { lacksBytes } from './truncated.ts';
import { refused, unreadable } from './unreadable.ts';

const MATROSKA = 0x1a45dfa3;
/** With which an MP4 begins. */
const MP4_BOXES = ['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'styp', 'sidx', 'moof'];

/**
 * PermanentError 'media_unreadable' or 'media_truncated'. ffmpeg's messages may repeat texts of the file, so the first bytes
 * decide.
 */
export function notOpened(
  stderr: string,
  { index, missing, encrypted }: { index: Mp4Index; missing: Missing; encrypted: EncryptedStreams },
): PermanentError {
  const { beginning } = index;
  // The index is at the beginning or the end of an MP4. ffmpeg may take anything for an MP4 "with low score".
  const isMp4 = MP4_BOXES.includes(beginning.toString('latin1', 4, 8));
  if (missing.bytes > 0 && !missing.isDoubtful && (isMp4 || index.missing === 0)) {
    return lacksBytes(missing.bytes);
  }
  const [how] = encrypted.values();
  if (how !== undefined) return refused({ is: `an encrypted file (${how})`, next: `${UNENCRYPTED}.` });
  const isMatroska = beginning.length >= 4 && beginning.readUInt32BE(0) === MATROSKA;
  const format = /^\[(\w+?)(?:_pipe)?[ @][^\]]*\] Format not on whitelist/m.exec(stderr)?.[1];
  if (format !== undefined && !isMatroska)
    return unreadable(`a file of the format ${format}, which is not accepted`);
  if (isMp4 && /moov atom not found/.test(stderr) && !/with low score/.test(stderr)) {
    return new PermanentError(
      'media_truncated',
      'probe',
      'Expected an MP4 with an index (moov), got one that ends before it. Upload or export it again.',
    );
  }
  return unreadable(lastMessage(stderr));
}
