/**
 * The client and servers that answer in other ways than the service on one machine: stand-ins for fetch, by the schemas.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { createClient, ServiceError } from '../../functions/client/client.ts';
import type { Upload } from '../../functions/model/answers/upload.ts';

const SERVICE = 'https://service.test/ads';
const API_KEY = 'a key of the client test';

interface Asked {
  method: string;
  address: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** The client of a service whose answers are `answer`'s, and what was asked. */
function clientOf(answer: (asked: Asked) => Response) {
  const asked: Asked[] = [];
  const client = createClient({
    url: SERVICE,
    apiKey: API_KEY,
    fetch: (async (address: string, { method = 'GET', headers, body }: RequestInit) => {
      const one = { method, address, headers: headers as Record<string, string>, body: body as string };
      asked.push(one);
      return answer(one);
    }) as typeof fetch,
  });
  return { client, asked };
}

const keyOf = ({ headers }: Asked) => headers['x-api-key'];

describe('the client', () => {
  test('lists tasks over all pages, with its filters on each', async () => {
    const { client, asked } = clientOf(({ address }) =>
      Response.json(
        address.includes('cursor=next')
          ? { tasks: [{ task_id: 'c' }], next_cursor: null }
          : { tasks: [{ task_id: 'a' }, { task_id: 'b' }], next_cursor: 'next' },
      ),
    );
    const ids: string[] = [];
    for await (const { task_id } of client.tasks({ status: 'failed', name: 'a & b', limit: 2 }))
      ids.push(task_id);
    assert.deepEqual(ids, ['a', 'b', 'c']);
    const filters = 'status=failed&name=a+%26+b&limit=2';
    assert.deepEqual(
      asked.map(({ address }) => address),
      [`${SERVICE}/tasks?${filters}`, `${SERVICE}/tasks?${filters}&cursor=next`],
    );
  });

  test('gets one video by a redirect to another host, which is not told the key', async () => {
    const { client, asked } = clientOf(({ address }) =>
      address.startsWith(SERVICE)
        ? new Response(null, { status: 302, headers: { location: 'https://storage.test/signed?x=1' } })
        : new Response('the video'),
    );
    assert.equal(await (await client.video('one', 3)).text(), 'the video');
    assert.deepEqual(
      asked.map((one) => [one.address, keyOf(one)]),
      [
        [`${SERVICE}/tasks/one/renders/3/video`, API_KEY],
        ['https://storage.test/signed?x=1', undefined],
      ],
    );
  });

  test('gets manifest and archive, and sends other requests to their paths', async () => {
    const { client, asked } = clientOf(({ method }) =>
      method === 'DELETE' ? new Response(null, { status: 204 }) : Response.json({ combinations: 8 }),
    );
    assert.deepEqual(await client.manifest('one'), { combinations: 8 });
    await (await client.zip('one')).body?.cancel();
    await client.render('one', 2);
    await client.cancel('one');
    await client.retry('one');
    await client.sendWebhook('one');
    assert.equal(await client.delete('one'), undefined);
    assert.deepEqual(
      asked.map(({ method, address }) => `${method} ${address.slice(SERVICE.length)}`),
      [
        'GET /tasks/one/manifest.json',
        'GET /tasks/one/manifest.zip',
        'GET /tasks/one/renders/2',
        'POST /tasks/one/cancel',
        'POST /tasks/one/retry',
        'POST /tasks/one/webhook',
        'DELETE /tasks/one',
      ],
    );
    assert.ok(asked.every((one) => keyOf(one) === API_KEY));
  });

  test('uploads a file with exactly the headers it was told, and the key only to the service itself', async () => {
    for (const [uploadUrl, key] of [
      ['https://storage.test/bucket/1?signature=2', undefined],
      ['https://service.test/ads/uploads/1', API_KEY],
    ] as const) {
      const upload: Upload = {
        url: 'upload:1',
        upload_url: uploadUrl,
        method: 'PUT',
        headers: { 'content-type': 'video/mp4', 'x-goog-content-length-range': '3,3' },
        expires_at: '2026-11-29T09:00:00.000Z',
      };
      const { client, asked } = clientOf(({ method }) =>
        method === 'POST' ? Response.json(upload, { status: 201 }) : new Response(null, { status: 200 }),
      );
      const file = { name: 'a.mp4', bytes: 3, type: 'video/mp4' };
      assert.equal(await client.upload({ ...file, body: 'abc' }), 'upload:1');
      const [first, second] = asked as [Asked, Asked];
      assert.deepEqual([first.address, first.body], [`${SERVICE}/uploads`, JSON.stringify(file)]);
      assert.deepEqual(second, {
        method: 'PUT',
        address: uploadUrl,
        headers: { ...upload.headers, ...(key === undefined ? {} : { 'x-api-key': key }) },
        body: 'abc',
      });
    }
  });

  test('uploads a stream as long as its Content-Length says', async (t) => {
    const received: { length: string | undefined; body: string }[] = [];
    const server = createServer(async (request, response) => {
      const body = await text(request);
      if (request.method === 'PUT') received.push({ length: request.headers['content-length'], body });
      const { port } = server.address() as AddressInfo;
      const answer = {
        url: 'upload:1',
        upload_url: `http://127.0.0.1:${port}/1`,
        method: 'PUT',
        headers: { 'content-length': '6' },
      };
      response.end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const client = createClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('abcdef'));
        controller.close();
      },
    });
    await client.upload({ name: 'a.mp4', bytes: 6, type: 'video/mp4', body });
    assert.deepEqual(received, [{ length: '6', body: 'abcdef' }]);
  });

  test('says what came in place of an answer of the service, and names the request', async () => {
    const page = () => new Response('<html>', { status: 404, headers: { 'x-request-id': 'abc' } });
    const refused = await clientOf(page)
      .client.status('one')
      .catch((error) => error);
    assert.ok(ServiceError.is(refused));
    assert.deepEqual([refused.status, refused.code, refused.requestId], [404, null, 'abc']);
    const place = 'https://service.test/ads/tasks/one';
    assert.equal(
      refused.message,
      `Expected an answer of Every Cut from ${place}, got status 404. Next step: check the URL.`,
    );
    const moved = () => new Response(null, { status: 301, headers: { location: 'https://elsewhere.test/' } });
    await assert.rejects(clientOf(moved).client.cancel('one'), {
      message: /got status 301 to https:\/\/elsewhere\.test\/\./,
    });
    const proxy = () => new Response('<html>');
    await assert.rejects(clientOf(proxy).client.status('one'), { message: /got status 200\./ });
  });
});
