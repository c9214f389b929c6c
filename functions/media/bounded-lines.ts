/** Splits the output of a program into lines while it arrives. Its length and that of its lines do not matter. */
import { StringDecoder } from 'node:string_decoder';

/** Longer than ffmpeg's lines and the path of a file. */
const LONGEST_LINE = 8_192;
const LINE_ENDS = /\r\n|\r|\n/;
/** Stands for what was left out. A file's metadata may contain it as well. */
const LEFT_OUT = /^\.\.\. \d+ lines left out \.\.\.$/m;

/** Calls `onLine` for each line, without its end. Only the first 8,192 characters of a longer line are kept. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  add(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split(LINE_ENDS);
    this.#rest = cut(lines.pop() ?? '');
    for (const line of lines) this.#onLine(cut(line));
  }

  /** The last line may have no end. */
  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}

function cut(line: string): string {
  return line.slice(0, LONGEST_LINE);
}

/** Counted for each line besides its characters, because short ones take memory too. */
const LINE_COST = 64;

/** Keeps the first and the last lines of a text of any length, without empty ones. */
export class HeadAndTail {
  readonly #most: number;
  readonly #head: string[] = [];
  readonly #tail: string[] = [];
  #headSize = 0;
  #tailSize = 0;
  /** Where the tail begins: removing from the front of an array one by one would be quadratic. */
  #tailFrom = 0;
  #dropped = 0;

  /** Keeps about `most` characters of each. */
  constructor(most: number) {
    this.#most = most;
  }

  add(line: string): void {
    if (line === '') return;
    const cost = line.length + LINE_COST;
    if (this.#tail.length === 0 && this.#headSize + cost < this.#most) {
      this.#head.push(line);
      this.#headSize += cost;
      return;
    }
    this.#tail.push(line);
    this.#tailSize += cost;
    while (this.#tailSize > this.#most && this.#tailFrom < this.#tail.length - 1) {
      this.#tailSize -= (this.#tail[this.#tailFrom] as string).length + LINE_COST;
      this.#tailFrom += 1;
      this.#dropped += 1;
    }
    if (this.#tailFrom < 1_000) return;
    this.#tail.splice(0, this.#tailFrom);
    this.#tailFrom = 0;
  }

  text(): string {
    const gap = this.#dropped === 0 ? [] : [`... ${this.#dropped} lines left out ...`];
    return [...this.#head, ...gap, ...this.#tail.slice(this.#tailFrom)].join('\n');
  }
}

/** Whether a text that HeadAndTail kept may lack lines. */
export function mayLackLines(text: string): boolean {
  return LEFT_OUT.test(text);
}
