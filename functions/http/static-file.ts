/** Files that are the same for all callers: hashed and compressed once, and named so that browsers need not load them again. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { LRUCache } from 'lru-cache';
import { contentHash, isNamed } from './etag.ts';

export interface StaticFile {
  bytes: Buffer<ArrayBuffer>;
  gzipped: Buffer<ArrayBuffer>;
  type: string;
  /** Strong: a hash of the bytes. */
  hash: string;
}

export type KeptFiles = LRUCache<string, Promise<StaticFile>>;

/** Not with a weight of 0, which refuses it: RFC 9110, section 12.4.2. */
const ACCEPTS_GZIP = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/;

/** Made once. What failed is made again. */
export function kept(all: KeptFiles, key: string, make: () => Promise<StaticFile>): Promise<StaticFile> {
  const file = all.get(key) ?? make();
  all.set(key, file);
  file.catch(() => all.delete(key));
  return file;
}

export async function staticFile(bytes: Buffer<ArrayBuffer>, type: string): Promise<StaticFile> {
  return { bytes, gzipped: await promisify(gzip)(bytes), type, hash: contentHash(bytes) };
}

/**
 * The file, or 304. Unless `headers` say otherwise, browsers ask each time whether their copy is still the one: a new version
 * never meets files of an old one.
 */
export function staticAnswer(
  { method, headers: asked }: Request,
  { bytes, gzipped, type, hash }: StaticFile,
  more: Readonly<Record<string, string>>,
): Response {
  const isGzipped = ACCEPTS_GZIP.test(asked.get('accept-encoding') ?? '');
  const etag = `"${hash}${isGzipped ? '-gzip' : ''}"`;
  const headers = { etag, vary: 'Accept-Encoding', 'cache-control': 'no-cache', ...more };
  if (isNamed(etag, asked.get('if-none-match'))) return new Response(null, { status: 304, headers });
  const body = isGzipped ? gzipped : bytes;
  return new Response(method === 'HEAD' ? null : streamOf(body), {
    headers: {
      ...headers,
      'content-type': type,
      'content-length': String(body.length),
      ...(isGzipped ? { 'content-encoding': 'gzip' } : {}),
    },
  });
}

/** As bytes, it would be copied for each answer, and a font has megabytes. */
function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
