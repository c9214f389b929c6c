/** What a file is good for, by its name and the type that the browser gives it. The service looks at the bytes. */

export type FileKind = 'film' | 'picture' | 'sound';

/** What is known of a file without reading it. */
export interface FileFacts {
  name: string;
  /** Media type; empty: the browser knows none. */
  type: string;
  size: number;
}

const KINDS: readonly [FileKind, string][] = [
  [
    'film',
    'mp4 m4v mov qt mkv webm avi ts mts m2ts mpg mpeg m2v vob 3gp 3g2 wmv asf flv ogv gif apng mjpeg mjpg',
  ],
  ['picture', 'png jpg jpeg webp'],
  ['sound', 'mp3 wav m4a aac flac ogg oga opus wma aif aiff mka caf ac3'],
];
const KIND_OF = new Map(KINDS.flatMap(([kind, list]) => list.split(' ').map((end) => [end, kind] as const)));
/** Often sent, and read by no part of the service. */
const ADVICE: Readonly<Record<string, string>> = {
  heic: 'Send it as JPEG or PNG.',
  heif: 'Send it as JPEG or PNG.',
  avif: 'Send it as JPEG or PNG.',
  tif: 'Send it as JPEG or PNG.',
  tiff: 'Send it as JPEG or PNG.',
  psd: 'Send it as JPEG or PNG.',
  svg: 'Export it as PNG.',
  pdf: 'Export the page as PNG or JPEG.',
  mxf: 'Export it as MP4 or ProRes.',
  r3d: 'Export it as MP4 or ProRes.',
  braw: 'Export it as MP4 or ProRes.',
  zip: 'Unpack it first.',
  rar: 'Unpack it first.',
  '7z': 'Unpack it first.',
};
/** Where the browser knows no type. Only the form matters: the service goes by the bytes. */
const TYPES: Readonly<Record<FileKind, string>> = {
  film: 'video/mp4',
  picture: 'image/png',
  sound: 'audio/mpeg',
};
const MEDIA_TYPE = /^[\w.+-]{1,49}\/[\w.+-]{1,49}$/;
const HIDDEN = /^(\.|thumbs\.db$|desktop\.ini$|__macosx$)/i;

/** Without the dot, in small letters; empty: none. */
function extensionOf(name: string): string {
  return /\.([^./\\]{1,8})$/.exec(name)?.[1]?.toLowerCase() ?? '';
}

/** Undefined: it is no media that the service reads. */
export function kindOf({ name, type }: Pick<FileFacts, 'name' | 'type'>): FileKind | undefined {
  const end = extensionOf(name);
  const known = KIND_OF.get(end);
  if (known !== undefined || ADVICE[end] !== undefined) return known;
  if (type.startsWith('video/')) return 'film';
  if (type.startsWith('audio/')) return 'sound';
  return /^image\/(png|jpeg|webp)$/.test(type) ? 'picture' : undefined;
}

/** Why a file is not taken; undefined: it is. */
export function refusalOfFile(file: FileFacts): string | undefined {
  if (kindOf(file) === undefined) {
    const end = extensionOf(file.name);
    const got = end === '' ? 'a file of no known kind' : `a file of the kind ${end.toUpperCase()}`;
    return `${file.name}: expected a video, a picture or sound, got ${got}. ${ADVICE[end] ?? 'Leave it out.'}`;
  }
  if (file.size > 0) return undefined;
  return `${file.name}: expected a file with something in it, got 0 bytes. Export it again.`;
}

/** For the upload: what the browser says if it has the form that the service wants. */
export function mediaTypeOf(file: Pick<FileFacts, 'name' | 'type'>): string {
  if (MEDIA_TYPE.test(file.type)) return file.type;
  const kind = kindOf(file);
  return kind === undefined ? 'application/octet-stream' : TYPES[kind];
}

/** Files that systems put into folders by themselves. */
export function isHidden(name: string): boolean {
  return HIDDEN.test(name);
}

/** The name of a file without its extension. */
export function stemOf(name: string): string {
  const end = extensionOf(name);
  const stem = end === '' ? name : name.slice(0, -end.length - 1);
  return stem.trim() === '' ? name : stem;
}
