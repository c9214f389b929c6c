/** Stands between a client and the Firestore emulator, and counts what Firestore would bill. */
import { readFileSync } from 'node:fs';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';

export interface FirestoreMeter extends AsyncDisposable {
  /** For FIRESTORE_EMULATOR_HOST. */
  host: string;
  /** Documents: https://cloud.google.com/firestore/docs/pricing */
  counts(): FirestoreCounts;
}

export interface FirestoreCounts {
  reads: number;
  writes: number;
}

/** A message as protobufjs decodes it; its fields have the names of the .proto files in camel case. */
type Decoded = Record<string, unknown>;

/** What an answer of a method counts as, by the last part of its path. The client uses no other that is billed. */
const COUNTED: Readonly<
  Record<string, readonly [type: string, of: (answer: Decoded) => Partial<FirestoreCounts>]>
> = {
  BatchGetDocuments: [
    'BatchGetDocumentsResponse',
    ({ found, missing }) => ({ reads: found || missing ? 1 : 0 }),
  ],
  RunQuery: ['RunQueryResponse', ({ document }) => ({ reads: document ? 1 : 0 })],
  // One for up to a thousand index entries.
  RunAggregationQuery: ['RunAggregationQueryResponse', ({ result }) => ({ reads: result ? 1 : 0 })],
  Listen: ['ListenResponse', ({ documentChange }) => ({ reads: documentChange ? 1 : 0 })],
  // Deletes are among them, which cost less.
  Commit: ['CommitResponse', ({ writeResults }) => ({ writes: (writeResults as unknown[]).length })],
};
/** Compressed or not, and the length. */
const FRAME_HEAD = 5;

/** @param emulator host and port */
export async function meterFirestore(emulator: string): Promise<FirestoreMeter> {
  const counts: FirestoreCounts = { reads: 0, writes: 0 };
  const upstream: ClientHttp2Session = connect(`http://${emulator}`);
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session)).on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    const method = String(headers[constants.HTTP2_HEADER_PATH]).split('/').at(-1) ?? '';
    const [type, of] = COUNTED[method] ?? [];
    let documents = 0;
    const received = eachMessage(type, (answer) => {
      const { reads = 0, writes = 0 } = of?.(answer) ?? {};
      documents += reads;
      counts.reads += reads;
      counts.writes += writes;
    });
    forward(stream, headers, upstream, received);
    stream.once('close', () => {
      // A query that finds nothing is billed as one document.
      if (method === 'RunQuery' && documents === 0) counts.reads += 1;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ ...counts }),
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      upstream.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function forward(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  upstream: ClientHttp2Session,
  received: (bytes: Buffer) => void,
): void {
  const onward: ClientHttp2Stream = upstream.request(headers, { endStream: false });
  let trailers: IncomingHttpHeaders = {};
  onward.on('response', (answer, flags) => {
    if (stream.destroyed) return;
    const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    stream.respond(answer, { endStream, waitForTrailers: !endStream });
    if (!endStream) onward.pipe(stream);
  });
  onward.on('trailers', (last) => {
    trailers = last;
  });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  onward.on('data', received);
  stream.pipe(onward);
  stream.on('close', () => onward.close(stream.rstCode)).on('error', () => {});
  onward.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
}

const FIRESTORE = dirname(createRequire(import.meta.url).resolve('@google-cloud/firestore/package.json'));
const PROTOCOL = protobuf.Root.fromJSON(
  JSON.parse(readFileSync(join(FIRESTORE, 'build/protos/v1.json'), 'utf8')) as protobuf.INamespace,
);

/** Takes a stream of gRPC in pieces, and calls `count` with each message of that type. */
function eachMessage(type: string | undefined, count: (message: Decoded) => void): (bytes: Buffer) => void {
  if (type === undefined) return () => {};
  const decoder = PROTOCOL.lookupType(`google.firestore.v1.${type}`);
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      if (rest.length < FRAME_HEAD) return;
      const length = rest.readUInt32BE(1);
      if (rest.length < FRAME_HEAD + length) return;
      if (rest[0] !== 0) throw new Error('Expected messages without compression, got a compressed one');
      count(decoder.decode(rest.subarray(FRAME_HEAD, FRAME_HEAD + length)) as unknown as Decoded);
      rest = rest.subarray(FRAME_HEAD + length);
    }
  };
}
