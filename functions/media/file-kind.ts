/** Names files that are often sent and that no decoder here reads, by their first bytes. Pure. */

/** `is` completes "got", `next` is a sentence. */
export interface Refused {
  is: string;
  next: string;
}

const AS_PHOTO = 'Send it as JPEG, PNG or WebP.';
const AS_FILM = 'Export it as MP4 (H.264) or ProRes 422.';
const AS_ANIMATION = 'Send it as MP4, GIF or APNG.';

/** What a file begins with, in hex, and where. */
const SIGNATURES: readonly [hex: string, at: number, refused: Refused][] = [
  ['255044462d', 0, { is: 'a PDF', next: 'Export the page as PNG or JPEG.' }],
  ['49492a00', 0, { is: 'a TIFF, or a raw photo such as DNG or NEF', next: AS_PHOTO }],
  ['4d4d002a', 0, { is: 'a TIFF, or a raw photo such as DNG or NEF', next: AS_PHOTO }],
  ['49492b00', 0, { is: 'a TIFF', next: AS_PHOTO }],
  ['ff0a', 0, { is: 'a photo as JPEG XL', next: AS_PHOTO }],
  ['0000000c4a584c20', 0, { is: 'a photo as JPEG XL', next: AS_PHOTO }],
  ['0000000c6a502020', 0, { is: 'a photo as JPEG 2000', next: AS_PHOTO }],
  ['38425053', 0, { is: 'a Photoshop file', next: AS_PHOTO }],
  ['762f3101', 0, { is: 'a picture as OpenEXR', next: AS_PHOTO }],
  ['52454431', 4, { is: 'RED footage (R3D)', next: AS_FILM }],
  ['52454432', 4, { is: 'RED footage (R3D)', next: AS_FILM }],
  ['060e2b34', 0, { is: 'an MXF', next: AS_FILM }],
  ['2e524d46', 0, { is: 'a RealMedia file', next: AS_FILM }],
  ['465753', 0, { is: 'a Flash animation', next: AS_FILM }],
  ['435753', 0, { is: 'a Flash animation', next: AS_FILM }],
  ['504b0304', 0, { is: 'a ZIP archive', next: 'Send what is in it.' }],
  ['526172211a07', 0, { is: 'a RAR archive', next: 'Send what is in it.' }],
  ['377abcaf271c', 0, { is: 'a 7-Zip archive', next: 'Send what is in it.' }],
];

/** By the major brand of an MP4. ISO 23008-12 and AVIF: photos consist of tiles, and builds differ in what they make of them. */
const BRANDS: Readonly<Record<string, Refused>> = {
  ...ofBrands(['heic', 'heix', 'heim', 'heis', 'mif1', 'mif2'], { is: 'a photo as HEIC', next: AS_PHOTO }),
  ...ofBrands(['hevc', 'hevx', 'hevm', 'hevs', 'msf1'], { is: 'a HEIC sequence', next: AS_ANIMATION }),
  ...ofBrands(['avif'], { is: 'a photo as AVIF', next: AS_PHOTO }),
  ...ofBrands(['avis'], { is: 'an animated AVIF', next: AS_ANIMATION }),
  ...ofBrands(['avci'], { is: 'a photo as AVCI', next: AS_PHOTO }),
  ...ofBrands(['jxl ', 'jp2 '], { is: 'a photo as JPEG XL or JPEG 2000', next: AS_PHOTO }),
  ...ofBrands(['crx '], { is: 'a raw photo (CR3)', next: AS_PHOTO }),
};

/** The next step for what is encrypted, without its full stop. */
export const UNENCRYPTED = 'Send a file without encryption (DRM)';
export const ANIMATED_WEBP: Refused = { is: 'an animated WebP', next: AS_ANIMATION };

/** Text before it may be a byte order mark, an XML declaration, comments and a document type. */
const SVG = /^\uFEFF?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*>\s*|<!DOCTYPE svg[^>]*>\s*){0,4}<svg[\s>]/i;

/** Null if it may be a film, a photo or sound. `brand` is that of an MP4. */
export function refusedKind(beginning: Buffer, brand: string | null): Refused | null {
  const found = SIGNATURES.find(([hex, at]) => beginning.toString('hex', at, at + hex.length / 2) === hex);
  if (found !== undefined) return found[2];
  if (SVG.test(beginning.toString('utf8'))) return { is: 'an SVG', next: 'Export it as PNG.' };
  return BRANDS[brand ?? ''] ?? null;
}

/** What people know codecs as, by ffmpeg's name or by the four letters in the file. */
const CODECS: Readonly<Record<string, string>> = {
  ...{ aprn: 'ProRes RAW', aprh: 'ProRes RAW HQ', prores_raw: 'ProRes RAW' },
  ...Object.fromEntries(
    ['braw', 'brxq', 'brhq', 'brst', 'brvn', 'brs2'].map((letters) => [letters, 'Blackmagic RAW']),
  ),
  ...{ CRAW: 'Canon Cinema RAW', apv1: 'APV', apv: 'APV', evc1: 'EVC', evc: 'EVC' },
  ...{
    vvc1: 'H.266 (VVC)',
    vvi1: 'H.266 (VVC)',
    vvc: 'H.266 (VVC)',
    jpeg2000: 'JPEG 2000',
    mjp2: 'JPEG 2000',
  },
};

/** Whether this is a codec, by ffmpeg's name, that is known here for having no decoder. */
export function isUndecodable(codec: string): boolean {
  return CODECS[codec] !== undefined;
}

/** @param codec ffmpeg's name, "none" if it has none. @param letters of the file, if they are printable ASCII */
export function undecodable(codec: string, letters: string | null, why: string): Refused {
  const own = letters === null ? null : CODECS[letters];
  const known = own ?? CODECS[codec] ?? (codec === 'none' ? undefined : codec);
  const quoted = letters === null ? '' : JSON.stringify(letters);
  const name = known === undefined ? quoted || 'something unknown' : own ? `${known} (${quoted})` : known;
  return { is: `a picture coded as ${name}, which ${why}`, next: AS_FILM };
}

function ofBrands(brands: readonly string[], refused: Refused): Record<string, Refused> {
  return Object.fromEntries(brands.map((brand) => [brand, refused]));
}
