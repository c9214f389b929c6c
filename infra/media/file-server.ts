import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname } from 'node:path';
import { pipeline } from 'node:stream/promises';

export interface FileServer extends AsyncDisposable {
  /** The URL of one of the served files. */
  url(file: string): string;
  /** How often a file was sent. */
  sent(): number;
}

const TYPES: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.mp3': 'audio/mpeg',
  '.m4a': 'audio/mp4',
  '.wav': 'audio/wav',
};

/** Serves only these files, under their base names, on a free port of 127.0.0.1. */
export async function serveFiles(files: readonly string[]): Promise<FileServer> {
  const served = new Map<string, { file: string; bytes: number; etag: string }>();
  for (const file of files) {
    const content = await readFile(file);
    const etag = `"${createHash('sha256').update(content).digest('hex')}"`;
    served.set(`/${encodeURIComponent(basename(file))}`, { file, bytes: content.length, etag });
  }
  let sent = 0;
  const server = createServer(async (request, response) => {
    const found = served.get(request.url ?? '');
    if (!found || request.method !== 'GET') return response.writeHead(404).end();
    const { file, bytes, etag } = found;
    if (request.headers['if-none-match'] === etag) return response.writeHead(304, { etag }).end();
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    sent += 1;
    response.writeHead(200, { etag, 'content-type': type, 'content-length': bytes });
    // If the client disconnects or the file disappears, the response is cut off.
    return pipeline(createReadStream(file), response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (file) => `http://127.0.0.1:${port}/${encodeURIComponent(basename(file))}`,
    sent: () => sent,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
