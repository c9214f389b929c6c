/**
 * Reads what an ONNX model says about itself, without its weights: a model has hundreds of megabytes of them, and this is
 * read before anything is spoken. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, message ModelProto
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Numbers of fields. */
const MODEL = { graph: 7, metadata: 14 } as const;
const ENTRY = { key: 1, value: 2 } as const;
/** https://protobuf.dev/programming-guides/encoding/#structure */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
/** Longest number, and a field's two. */
const VARINT_BYTES = 10;
/** A model of our time has about twenty. */
const MOST_FIELDS = 10_000;
const MOST_METADATA_BYTES = 2 ** 20;

/** Where bytes come from; fewer than asked for at the end. */
interface Source {
  size: number;
  read(position: number, length: number): Uint8Array;
}

interface Field {
  number: number;
  /** Where its bytes are. Empty for a field that is a number. */
  start: number;
  length: number;
}

/**
 * Undefined for a file that is no whole ONNX model.
 * @throws {Error} of the system if the file cannot be read
 */
export function readOnnxMetadata(path: string): ReadonlyMap<string, string> | undefined {
  const file = openSync(path, 'r');
  try {
    const source: Source = {
      size: fstatSync(file).size,
      read(position, length) {
        const bytes = new Uint8Array(length);
        return bytes.subarray(0, readSync(file, bytes, 0, length, position));
      },
    };
    const fields = fieldsOf(source);
    if (!fields?.some(({ number }) => number === MODEL.graph)) return undefined;
    const entries = fields.filter(
      ({ number, length }) => number === MODEL.metadata && length <= MOST_METADATA_BYTES,
    );
    return new Map(entries.map(({ start, length }) => entryOf(source.read(start, length))));
  } finally {
    closeSync(file);
  }
}

function entryOf(bytes: Uint8Array): [key: string, value: string] {
  const source: Source = {
    size: bytes.length,
    read: (position, length) => bytes.subarray(position, position + length),
  };
  const fields = fieldsOf(source) ?? [];
  const text = (wanted: number) => {
    const field = fields.find(({ number }) => number === wanted);
    return field === undefined ? '' : Buffer.from(source.read(field.start, field.length)).toString();
  };
  return [text(ENTRY.key), text(ENTRY.value)];
}

/** Undefined if the bytes are no message of Protocol Buffers, or break off. */
function fieldsOf(source: Source): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  while (at < source.size) {
    const bytes = source.read(at, 2 * VARINT_BYTES);
    const tag = varint(bytes, 0);
    if (tag === undefined || fields.length === MOST_FIELDS) return undefined;
    const content = contentOf(tag.value % 8, bytes, tag.end);
    if (content === undefined) return undefined;
    const [start, length] = [at + content.start, content.length];
    fields.push({ number: Math.floor(tag.value / 8), start, length });
    at = start + length;
    if (at > source.size) return undefined;
  }
  return fields;
}

function contentOf(
  wire: number,
  bytes: Uint8Array,
  from: number,
): { start: number; length: number } | undefined {
  if (wire === WIRE.fixed64) return { start: from, length: 8 };
  if (wire === WIRE.fixed32) return { start: from, length: 4 };
  const number = varint(bytes, from);
  if (number === undefined) return undefined;
  if (wire === WIRE.varint) return { start: number.end, length: 0 };
  return wire === WIRE.bytes ? { start: number.end, length: number.value } : undefined;
}

function varint(bytes: Uint8Array, from: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = from; at < Math.min(bytes.length, from + VARINT_BYTES); at += 1) {
    const byte = bytes[at] as number;
    value += (byte % 128) * 2 ** (7 * (at - from));
    if (byte < 128) return { value, end: at + 1 };
  }
  return undefined;
}
