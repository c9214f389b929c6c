/**
 * The client and what the service on one machine never answers: redirects to a storage, answers of something else. A stand-in
 * for fetch gives them, because the storage would be another host with a certificate. The rest is in client.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Client, createClient, ServiceError } from '../../functions/client/client.ts';
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
  test('gets one video by a redirect to another host, which is not told the key', async () => {
    const { client, asked } = clientOf(({ address }) =>
      address.startsWith(SERVICE)
        ? new Response(null, { status: 302, headers: { location: 'https://storage.test/signed?x=1' } })
        : new Response('the video', { headers: { 'content-type': 'video/mp4' } }),
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
      `Expected an answer of Every Cut from ${place}, got status 404 with text/plain;charset=UTF-8. Next step: check the URL.`,
    );
    const moved = () => new Response(null, { status: 301, headers: { location: 'https://elsewhere.test/' } });
    await assert.rejects(clientOf(moved).client.cancel('one'), {
      message: /got status 301 to https:\/\/elsewhere\.test\/\./,
    });
  });

  test('refuses a page for people in place of a video, as Drive has it, and says what to open', async () => {
    const { client } = clientOf(({ address }) =>
      address.startsWith(SERVICE)
        ? new Response(null, {
            status: 302,
            headers: { location: 'https://drive.test/file/d/1/view?secret=2' },
          })
        : new Response('<html>', { headers: { 'content-type': 'text/html; charset=utf-8' } }),
    );
    await assert.rejects(client.video('one', 3), {
      name: 'ServiceError',
      status: 200,
      message:
        'Expected a Content-Type of video/… from https://drive.test/file/d/1/view, got text/html; charset=utf-8. Next step: ' +
        'open the url that render() has; a video on Google Drive has only a page for people.',
    });
  });

  test('says that a browser hides a redirect, and what to do', async () => {
    const hidden = () => Object.defineProperty(Response.error(), 'type', { value: 'opaqueredirect' });
    for (const ask of [(client: Client) => client.video('one', 3), (client: Client) => client.ended('one')]) {
      await assert.rejects(ask(clientOf(hidden).client), {
        name: 'ServiceError',
        status: 0,
        message:
          /^Expected an answer from https:\/\/service\.test\/ads\/tasks\/one.* which browsers hide\. Next step: /,
      });
    }
  });

  test('tells why a service is not ready, unless something else says so in its place', async () => {
    const notReady = {
      status: 'not_ready',
      checks: { disk: { status: 'failed', detail: 'Expected 1 GB.' } },
    };
    const { client, asked } = clientOf(() => Response.json(notReady, { status: 503 }));
    assert.deepEqual([await client.ready(), asked[0]?.address], [notReady, `${SERVICE}/ready`]);
    const proxy = () => Response.json({ error: 'no upstream' }, { status: 503 });
    await assert.rejects(clientOf(proxy).client.ready(), { name: 'ServiceError', status: 503 });
  });

  const file = { name: 'a.mp4', bytes: 3, type: 'video/mp4', body: 'abc' };
  const request = { task_name: 'a', video_blocks: { hooks: ['https://example.com/a.mp4'] } };
  const METHODS: Record<string, (client: Client) => Promise<unknown>> = {
    submit: (client) => client.submit(request),
    plan: (client) => client.plan(request).next(),
    status: (client) => client.status('one'),
    watch: (client) => client.watch('one', { patienceMs: 0 }).next(),
    ended: (client) => client.ended('one', { patienceMs: 0 }),
    tasks: (client) => client.tasks().next(),
    renders: (client) => client.renders('one').next(),
    renderPage: (client) => client.renderPage('one'),
    render: (client) => client.render('one', 3),
    video: (client) => client.video('one', 3),
    manifest: (client) => client.manifest('one'),
    access: (client) => client.access('one'),
    zip: (client) => client.zip('one'),
    offerUpload: (client) => client.offerUpload({ name: 'a.mp4', bytes: 3, type: 'video/mp4' }),
    upload: (client) => client.upload(file),
    cancel: (client) => client.cancel('one'),
    retry: (client) => client.retry('one'),
    sendWebhook: (client) => client.sendWebhook('one'),
    delete: (client) => client.delete('one'),
    voices: (client) => client.voices(),
    voicePreview: (client) => client.voicePreview('Sarah'),
    ready: (client) => client.ready(),
    stats: (client) => client.stats(),
    settings: (client) => client.settings(),
  };
  const broken = () => new ReadableStream({ pull: (body) => body.error(new TypeError('terminated')) });
  const ANSWERS: Record<string, () => Response> = {
    'a page': () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
    'nothing at all': () => new Response(''),
    'other JSON': () => Response.json({ ok: true }),
    'JSON that is no object': () => Response.json(null),
    'an error that breaks off': () => new Response(broken(), { status: 500 }),
    'a page that breaks off': () => new Response(broken(), { headers: { 'content-type': 'text/html' } }),
    'a redirect to no address': () => new Response(null, { status: 302, headers: { location: 'http://' } }),
  };
  for (const [what, answer] of Object.entries(ANSWERS)) {
    test(`throws a ServiceError with the address from each method, where the answer is ${what}`, async () => {
      const { client } = clientOf(answer);
      assert.deepEqual(Object.keys(METHODS), Object.keys(client));
      for (const [name, ask] of Object.entries(METHODS)) {
        const thrown = await ask(client).catch((error) => error);
        assert.ok(ServiceError.is(thrown), `${name}: ${thrown}`);
        assert.match(thrown.message, /^Expected .*https?:\/\/(service\.test)?.* Next step: /, name);
      }
    });
  }

  test('throws a ServiceError where an upload cannot be sent, or its answer breaks off', async () => {
    for (const [upload_url, told] of [
      ['nowhere', /nowhere/],
      ['https://storage.test/1?signature=2', /https:\/\/storage\.test\/1, got a part/],
    ] as const) {
      const upload = { url: 'upload:1', upload_url, method: 'PUT', headers: {} };
      const { client } = clientOf(({ method, address }) => {
        if (!URL.canParse(address)) throw new TypeError('Failed to parse URL');
        return method === 'POST' ? Response.json(upload, { status: 201 }) : new Response(broken());
      });
      await assert.rejects(client.upload(file), { name: 'ServiceError', status: null, message: told });
    }
  });
});
