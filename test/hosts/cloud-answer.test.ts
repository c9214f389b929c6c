import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { toNodeHandler } from 'srvx/node';
import { inChunks } from '../../functions/hosts/cloud-answer.ts';

test('a large answer of the cloud goes in chunks, because Cloud Run refuses it with a length', async () => {
  for (const [mb, isChunked] of [
    [31, false],
    [33, true],
  ] as const) {
    const bytes = mb * 2 ** 20;
    const answer = () =>
      inChunks(new Response(Buffer.alloc(bytes), { headers: { 'content-length': String(bytes) } }));
    const server = createServer(toNodeHandler(answer) as never);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    assert.equal((await response.arrayBuffer()).byteLength, bytes);
    assert.equal(response.headers.get('content-length'), isChunked ? null : String(bytes));
    assert.equal(response.headers.get('transfer-encoding'), isChunked ? 'chunked' : null);
    server.close();
  }
});
