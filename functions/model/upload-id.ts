/** Ids of uploads. They carry the name of the clip, so that planning has to look nothing up. */
import { clipName } from './clip-name.ts';

/** How long an upload can be named as a source. */
export const UPLOAD_DAYS = 7;
export const UPLOAD_MS = UPLOAD_DAYS * 86_400_000;
/** How long an upload URL takes the file. */
export const UPLOAD_URL_MS = 86_400_000;
/** 128 random bits, then the name. */
const ID = /^[0-9a-f]{32}-(.+)$/su;

/**
 * @param random 32 hexadecimal digits
 * @param fileName as the caller names the file; only the part after the last slash counts
 */
export function uploadId(random: string, fileName: string): string {
  const last = fileName.split(/[\\/]/).at(-1) as string;
  // Twice, as a name that was cut may end in a hyphen.
  return `${random}-${clipName(clipName(last))}`;
}

/** The clip's name in an id that this service may have given; undefined for any other text. */
export function nameInUploadId(id: string): string | undefined {
  const name = ID.exec(id)?.[1];
  return name !== undefined && clipName(name) === name ? name : undefined;
}

/** For messages and logs: without the random part, as whoever knows the id may use the file. */
export function maskUploadId(id: string): string {
  return `upload:${nameInUploadId(id)}`;
}
