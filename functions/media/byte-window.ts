/** Reads small pieces of a large file, mostly one after the other, and holds only a few kilobytes of it. */
import { type FileHandle, open } from 'node:fs/promises';

const WINDOW_BYTES = 16_384;
const NOTHING = Buffer.alloc(0);

export class ByteWindow implements AsyncDisposable {
  /** Of the file, in bytes. */
  readonly size: number;
  readonly #handle: FileHandle;
  #bytes = NOTHING;
  #from = 0;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  static async open(file: string): Promise<ByteWindow> {
    const handle = await open(file);
    return new ByteWindow(handle, (await handle.stat()).size);
  }

  /** Returns fewer bytes at the end of the file. Valid until the next call. `length` is at most 16,384. */
  async at(place: number, length: number): Promise<Buffer> {
    const begin = place - this.#from;
    if (begin >= 0 && begin + length <= this.#bytes.length)
      return this.#bytes.subarray(begin, begin + length);
    if (place < 0 || place >= this.size) return NOTHING;
    const room = Buffer.allocUnsafe(WINDOW_BYTES);
    const { bytesRead } = await this.#handle.read(room, 0, WINDOW_BYTES, place);
    this.#bytes = room.subarray(0, bytesRead);
    this.#from = place;
    return this.#bytes.subarray(0, length);
  }

  /** The caller bounds the length, and keeps what it gets. Returns fewer bytes at the end of the file. */
  async load(place: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.size - place)));
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, place);
    return bytes.subarray(0, bytesRead);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
