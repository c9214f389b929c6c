import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusedKind } from '../../functions/media/file-kind.ts';

const named = (bytes: Buffer | string, brand: string | null = null) =>
  refusedKind(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, brand)?.is ?? null;

describe('refusedKind', () => {
  for (const [bytes, is] of [
    ['%PDF-1.7', 'a PDF'],
    ['II*\0\x08\0\0\0', 'a TIFF, or a raw photo such as DNG or NEF'],
    ['MM\0*\0\0\0\x08', 'a TIFF, or a raw photo such as DNG or NEF'],
    ['\xff\x0a', 'a photo as JPEG XL'],
    ['\0\0\0\x0cJXL \r\n\x87\n', 'a photo as JPEG XL'],
    ['\0\0\0\x0cjP  \r\n\x87\n', 'a photo as JPEG 2000'],
    ['8BPS\0\x01', 'a Photoshop file'],
    ['\0\0\x01\0RED2', 'RED footage (R3D)'],
    ['\x06\x0e\x2b\x34\x02', 'an MXF'],
    ['PK\x03\x04', 'a ZIP archive'],
    ['<svg xmlns="http://www.w3.org/2000/svg">', 'an SVG'],
    ['<?xml version="1.0"?>\n<!-- made by hand -->\n<svg>', 'an SVG'],
    ['\xef\xbb\xbf<?xml version="1.0"?><!DOCTYPE svg PUBLIC "x" "y"><svg>', 'an SVG'],
  ] as const) {
    test(`knows ${is} by ${JSON.stringify(bytes.slice(0, 12))}`, () => assert.equal(named(bytes), is));
  }

  for (const [brand, is] of [
    ['heic', 'a photo as HEIC'],
    ['msf1', 'a HEIC sequence'],
    ['hevc', 'a HEIC sequence'],
    ['avif', 'a photo as AVIF'],
    ['avis', 'an animated AVIF'],
    ['crx ', 'a raw photo (CR3)'],
  ] as const) {
    test(`knows ${is} by its brand, ${brand}`, () => assert.equal(named('\0\0\0\x18ftyp', brand), is));
  }

  test('lets films, photos and sound pass, and what it does not know', () => {
    for (const bytes of [
      '',
      '\0\0\0\x18ftypisom',
      'RIFF\0\0\0\0AVI ',
      '\x1aE\xdf\xa3',
      'ID3\x04',
      '\xff\xfb\x90',
      'G@\x11\x10',
      '<html><svg>',
    ]) {
      assert.equal(named(bytes, 'isom'), null);
    }
  });
});
