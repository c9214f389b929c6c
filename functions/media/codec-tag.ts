/** Reads how a file names the codec of a stream, as ffmpeg prints it: "Video: none (aprn / 0x6E727061)". Pure. */

/** Codecs of transport streams whose samples are encrypted, for HLS. */
const SAMPLE_ENCRYPTED = [0xdb, 0xcf, 0xc1, 0xc2];

/** The letters may be part of another's text, the number is ffmpeg's. */
function tagIn(name: string): number {
  return Number(/ \/ (0x[0-9A-F]{4,8})\)$/.exec(name)?.[1] ?? 0);
}

/** The four letters of its name; null if they are no printable ASCII. */
export function lettersIn(name: string): string | null {
  const tag = tagIn(name);
  const letters = [0, 8, 16, 24].map((shift) => String.fromCharCode((tag >>> shift) & 0xff)).join('');
  return /^[\x20-\x7e]{4}$/.test(letters) ? letters : null;
}

export function isSampleEncrypted(name: string): boolean {
  return SAMPLE_ENCRYPTED.includes(tagIn(name));
}
