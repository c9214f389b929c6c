/** An artifact as one stream of bytes: a line of JSON that describes its files, then the files, one after the other. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { checksum } from './files.ts';

interface PackedFile {
  name: string;
  bytes: number;
  /** Hex. */
  sha256: string;
}

interface Header {
  key: string;
  meta: unknown;
  files: PackedFile[];
}

export interface Packed {
  /** Length of the whole stream. */
  bytes: number;
  /** Each call returns a new stream from the first byte. */
  read(): Readable;
}

/** Many times what a key, file names and word times need. A longer header was not written by this service. */
const MAX_HEADER_BYTES = 4 * 2 ** 20;
const NEWLINE = 10;

/** What is packed: the file names and their paths. */
export interface Unpacked {
  key: string;
  meta: unknown;
  files: readonly string[];
  path(name: string): string;
}

/** A folder of files that is not an artifact yet. */
export async function unpackedIn(dir: string, key: string, meta: unknown): Promise<Unpacked> {
  return { key, meta, files: await readdir(dir), path: (name) => join(dir, name) };
}

/** Reads the files once for their checksums; their bytes follow when the stream is read. */
export async function packArtifact({ key, meta, files: names, path }: Unpacked): Promise<Packed> {
  const files: PackedFile[] = [];
  for (const name of names.toSorted()) {
    const file = path(name);
    const stats = await stat(file);
    if (!stats.isFile()) throw new Error(`Expected an artifact to be plain files, got ${name} in ${key}`);
    files.push({ name, bytes: stats.size, sha256: await checksum(file) });
  }
  const header = Buffer.from(`${JSON.stringify({ key, meta, files } satisfies Header)}\n`);
  if (header.length > MAX_HEADER_BYTES) {
    throw new Error(
      `Expected meta and names of ${key} within ${MAX_HEADER_BYTES} bytes, got ${header.length}`,
    );
  }
  async function* content(): AsyncGenerator<Buffer> {
    yield header;
    for (const { name } of files) yield* createReadStream(path(name));
  }
  return {
    bytes: files.reduce((sum, { bytes }) => sum + bytes, header.length),
    // Object mode would buffer a number of chunks instead of a number of bytes.
    read: () => Readable.from(content(), { objectMode: false }),
  };
}

/**
 * Writes the files into `dir`, an empty folder, and returns the meta. Returns undefined if the stream is not a complete
 * artifact with that key. The stream is read to its end in any case.
 */
export async function unpackArtifact(
  key: string,
  chunks: AsyncIterable<Buffer>,
  dir: string,
): Promise<{ meta: unknown } | undefined> {
  const stream = new ByteStream(chunks);
  const header = parseHeader(await stream.line(MAX_HEADER_BYTES));
  let sound = header?.key === key;
  for (const file of sound && header ? header.files : []) {
    sound = await unpackFile(file, stream, dir);
    if (!sound) break;
  }
  const left = await stream.skip();
  return sound && header && left === 0 ? { meta: header.meta } : undefined;
}

async function unpackFile(
  { name, bytes, sha256 }: PackedFile,
  stream: ByteStream,
  dir: string,
): Promise<boolean> {
  const hash = createHash('sha256');
  async function* measured(): AsyncGenerator<Buffer> {
    for await (const chunk of stream.take(bytes)) {
      hash.update(chunk);
      yield chunk;
    }
  }
  // Opened first: a stream that opens the file itself may do so after it has failed, while the folder is being removed.
  await using handle = await open(join(dir, name), 'wx');
  await pipeline(measured, handle.createWriteStream());
  return hash.digest('hex') === sha256;
}

/** Returns undefined for invalid JSON, another shape, a duplicate name, or a name that leads out of the folder. */
function parseHeader(line: string | undefined): Header | undefined {
  try {
    const { key, meta, files } = JSON.parse(line ?? '') as Header;
    const names = new Set(files.map(({ name }) => name));
    const sound =
      names.size === files.length &&
      files.every(({ name, bytes }) => isPlain(name) && Number.isSafeInteger(bytes) && bytes >= 0);
    return sound ? { key, meta, files } : undefined;
  } catch {
    return undefined;
  }
}

function isPlain(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('\0') && basename(name) === name;
}

/** Splits a stream at any byte, regardless of its chunks. */
class ByteStream {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Reads one line; undefined if there is no line end within `maxBytes`. */
  async line(maxBytes: number): Promise<string | undefined> {
    const parts: Buffer[] = [];
    let length = 0;
    while (length <= maxBytes) {
      const chunk = await this.#next();
      if (!chunk) return undefined;
      const end = chunk.indexOf(NEWLINE);
      if (end >= 0) {
        this.#rest = chunk.subarray(end + 1);
        return Buffer.concat([...parts, chunk.subarray(0, end)]).toString();
      }
      parts.push(chunk);
      length += chunk.length;
    }
    return undefined;
  }

  /** Yields the next `bytes` bytes, or fewer at the end of the stream. */
  async *take(bytes: number): AsyncGenerator<Buffer> {
    let left = bytes;
    while (left > 0) {
      const chunk = await this.#next();
      if (!chunk) return;
      this.#rest = chunk.subarray(left);
      const taken = chunk.subarray(0, left);
      left -= taken.length;
      yield taken;
    }
  }

  /** Reads to the end and returns the number of bytes skipped. */
  async skip(): Promise<number> {
    let skipped = 0;
    for (let chunk = await this.#next(); chunk; chunk = await this.#next()) skipped += chunk.length;
    return skipped;
  }

  async #next(): Promise<Buffer | undefined> {
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = Buffer.alloc(0);
      return rest;
    }
    const { value, done } = await this.#chunks.next();
    return done ? undefined : value;
  }
}
