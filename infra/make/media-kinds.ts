/** Which files of a folder are clips and tracks, by the ends of their names. The service looks at the bytes. */
import { extname } from 'node:path';

const FILMS: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  m4v: 'video/x-m4v',
  mov: 'video/quicktime',
  mkv: 'video/x-matroska',
  webm: 'video/webm',
  avi: 'video/x-msvideo',
  ts: 'video/mp2t',
  mts: 'video/mp2t',
  m2ts: 'video/mp2t',
  mpg: 'video/mpeg',
  mpeg: 'video/mpeg',
  '3gp': 'video/3gpp',
  wmv: 'video/x-ms-wmv',
  flv: 'video/x-flv',
  ogv: 'video/ogg',
  mxf: 'application/mxf',
};
const PICTURES: Readonly<Record<string, string>> = {
  gif: 'image/gif',
  apng: 'image/apng',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
};
const SOUNDS: Readonly<Record<string, string>> = {
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  oga: 'audio/ogg',
  opus: 'audio/ogg',
  aif: 'audio/aiff',
  aiff: 'audio/aiff',
  wma: 'audio/x-ms-wma',
};
const UNKNOWN = 'application/octet-stream';

export const CLIP_ENDS = 'mp4, mov, mkv, webm, avi, gif, png, jpg and others';
export const TRACK_ENDS = 'mp3, wav, m4a, aac, flac, ogg and others';

export function isFilm(name: string): boolean {
  return Object.hasOwn(FILMS, endOf(name));
}

/** A film, or a picture that is shown for some seconds. */
export function isClip(name: string): boolean {
  return isFilm(name) || Object.hasOwn(PICTURES, endOf(name));
}

/** The sound of a film is fine, too. */
export function isTrack(name: string): boolean {
  return isSound(name) || isFilm(name);
}

export function isSound(name: string): boolean {
  return Object.hasOwn(SOUNDS, endOf(name));
}

/** The media type that an upload announces. */
export function mediaType(name: string): string {
  const end = endOf(name);
  return FILMS[end] ?? PICTURES[end] ?? SOUNDS[end] ?? UNKNOWN;
}

/** `a file that ends in .txt`, for messages. */
export function kindOf(name: string): string {
  const end = endOf(name);
  return end === '' ? 'a file without an extension' : `a file that ends in .${end}`;
}

function endOf(name: string): string {
  return extname(name).slice(1).toLowerCase();
}
