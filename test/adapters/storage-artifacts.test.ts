import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDiskArtifacts } from '../../functions/adapters/disk-artifacts.ts';
import { createStorageArtifacts } from '../../functions/adapters/storage-artifacts.ts';
import { artifactContract } from '../contracts/artifacts.ts';
import { connectedTo } from '../fixtures/storage-connection.ts';
import { type StorageServer, startStorageServer } from '../fixtures/storage-server.ts';
import { type TempDir, tempDir } from '../fixtures/temp-dir.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function nameOf(key: string): string {
  return `artifacts/${/^[a-z]+(?=\/)/.exec(key)?.[0] ?? 'other'}/${sha256(key)}`;
}

function rewrite(server: StorageServer, key: string, change: (body: Buffer) => Buffer): void {
  const { body } = server.objects.find('bucket', nameOf(key));
  server.objects.insert('bucket', nameOf(key), change(Buffer.from(body)), {});
}

async function flipFirstByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

function flipByteOf(fileName: string, body: Buffer): Buffer {
  const end = body.indexOf(10);
  const { files } = JSON.parse(body.subarray(0, end).toString()) as {
    files: { name: string; bytes: number }[];
  };
  let at = end + 1;
  for (const { name, bytes } of files) {
    if (name === fileName) break;
    at += bytes;
  }
  body.writeUInt8(body.readUInt8(at) ^ 1, at);
  return body;
}

/** One process: its own folder, its own connection. */
function processOn(server: StorageServer, dir: TempDir, name = 'one', maxBytes = 1_000_000) {
  const root = join(dir.path, name);
  const local = createDiskArtifacts({ dir: join(root, 'artifacts'), maxBytes });
  return createStorageArtifacts({
    storage: connectedTo(server),
    bucket: 'bucket',
    local,
    tempDir: join(root, 'tmp'),
  });
}

artifactContract('storage', async ({ maxBytes }) => {
  const server = await startStorageServer();
  const dir = await tempDir();
  return {
    store: processOn(server, dir, 'one', maxBytes),
    async corrupt(key, fileName) {
      rewrite(server, key, (body) => flipByteOf(fileName, body));
      const hash = sha256(key);
      await flipFirstByte(join(dir.path, 'one', 'artifacts', hash.slice(0, 2), hash, fileName));
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
});
