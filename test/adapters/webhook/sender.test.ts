import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { buildConnector } from 'undici';
import type { ConnectorBuilder } from '../../../functions/adapters/shared/address-guard.ts';
import {
  createWebhookSender,
  SecretError,
  type WebhookSenderOptions,
} from '../../../functions/adapters/webhook/sender.ts';
import { connectionAttempts } from '../../fixtures/network/connection-attempts.ts';
import { startDnsServer } from '../../fixtures/network/dns-server.ts';
import { PUBLIC } from '../../fixtures/network/hostile-stage.ts';
import { startLoopbackInternet } from '../../fixtures/network/loopback-internet.ts';
import { deadUrl, type Reaction, startReceiver, WEBHOOK_SECRET } from '../../fixtures/network/receiver.ts';
import { selfSigned } from '../../fixtures/network/self-signed.ts';

const NEVER = new AbortController().signal;
const EVENT = {
  id: 'msg_1a2b',
  body: JSON.stringify({ type: 'task.completed', data: { task_name: 'Frühling 🎬' } }),
};

function open(options: Partial<WebhookSenderOptions> = {}) {
  return createWebhookSender({ allowPrivate: true, secret: async () => WEBHOOK_SECRET, ...options });
}

async function failure(url: string, options: Partial<WebhookSenderOptions> = {}) {
  await using sender = open(options);
  const answer = await sender.send({ ...EVENT, url }, NEVER);
  assert.ok(!answer.delivered);
  assert.doesNotMatch(answer.error, /a-secret|hook\b/);
  return answer;
}

async function answerTo(reaction: Reaction, options: Partial<WebhookSenderOptions> = {}) {
  await using receiver = await startReceiver([reaction]);
  return await failure(receiver.url, options);
}

describe('the sender of events', () => {
  test('signs each delivery as Standard Webhooks says, with the same id and the same bytes', async () => {
    await using receiver = await startReceiver([200, 204]);
    await using sender = open();
    for (let time = 0; time < 2; time++) {
      assert.deepEqual(await sender.send({ ...EVENT, url: receiver.url }, NEVER), { delivered: true });
    }
    assert.deepEqual(receiver.ids(), [EVENT.id, EVENT.id]);
    for (const one of receiver.received) {
      assert.deepEqual(receiver.verified(one), JSON.parse(EVENT.body));
      assert.equal(one.body, EVENT.body);
      assert.equal(one.headers['content-type'], 'application/json');
      assert.equal(one.headers['user-agent'], 'every-cut');
      assert.match(String(one.headers['webhook-timestamp']), /^\d{10}$/);
      const forged = { ...one, body: one.body.replace('completed', 'cancelled') };
      assert.throws(() => receiver.verified(forged), /No matching signature/);
    }
  });

  test('takes every other status for a failure, and follows no redirect', async () => {
    await using elsewhere = await startReceiver();
    const to = { status: 307, headers: { location: elsewhere.url } };
    assert.match((await answerTo(to)).error, /got 307, and redirects are not followed/);
    assert.equal(elsewhere.received.length, 0);
    assert.match(
      (await answerTo(500)).error,
      /^Expected status 2xx from http:\/\/127[.0-9]+:\d+\/\*\*\*, got 500\./,
    );
    assert.deepEqual([(await answerTo(410)).isGone, (await answerTo(404)).isGone], [true, false]);
  });

  test('says how long a busy receiver asks to wait', async () => {
    const asks = (status: number) => answerTo({ status, headers: { 'retry-after': '120' } });
    assert.deepEqual(
      [(await asks(429)).retryAfterMs, (await asks(503)).retryAfterMs, (await asks(500)).retryAfterMs],
      [120_000, 120_000, undefined],
    );
  });

  test('waits for an answer only so long, for its name and its connection included', async () => {
    const answerMs = 60;
    assert.match((await answerTo('hang', { answerMs })).error, /got no answer within 0.06 s/);
    const resolver = () => new Promise<never>(() => {});
    assert.match(
      (await failure('http://slow.example/', { answerMs, resolver })).error,
      /got no answer within/,
    );
  });

  test('does not read more of an answer than it must, and does not wait for the rest of it', async () => {
    let sent = 0;
    await using server = await serving((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n');
      const chunk = Buffer.alloc(65_536);
      const more = () => {
        while (!socket.destroyed && sent < 200_000_000) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', more);
        }
      };
      more();
    });
    await using sender = open();
    assert.deepEqual(await sender.send({ ...EVENT, url: server.url }, NEVER), { delivered: true });
    assert.ok(sent < 50_000_000, `${sent}`);
  });

  test('takes the status for the answer, also if its body never ends, and drops the connection', async () => {
    const closed = Promise.withResolvers<void>();
    await using server = await serving((socket) => {
      socket.on('close', () => closed.resolve());
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n');
    });
    await using sender = open({ answerMs: 2_000 });
    assert.deepEqual(await sender.send({ ...EVENT, url: server.url }, NEVER), { delivered: true });
    await closed.promise;
  });

  test('names what the network failed with, and no address', async () => {
    assert.match((await failure(await deadUrl())).error, /got ECONNREFUSED\. Next step/);
    assert.match((await answerTo('close')).error, /got (UND_ERR_SOCKET|ECONNRESET)/);
    await using dns = await startDnsServer({});
    assert.match((await failure('http://none.example/x', dns)).error, /got ENOTFOUND/);
  });

  test('checks the certificate of an https receiver, and its name, though it connects to an address', async () => {
    const identity = selfSigned('secure.example');
    const server = createHttpsServer(identity, (_, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const resolver = async () => [{ address: '127.0.0.1', family: 4 }];
    const trusting: ConnectorBuilder = (options) => buildConnector({ ...options, ca: identity.cert });
    const url = `https://secure.example:${port}/`;
    await using sender = open({ resolver, buildConnector: trusting });
    assert.deepEqual(await sender.send({ ...EVENT, url }, NEVER), { delivered: true });
    assert.match((await failure(url, { resolver })).error, /got DEPTH_ZERO_SELF_SIGNED_CERT/);
    const other = await failure(`https://other.example:${port}/`, { resolver, buildConnector: trusting });
    assert.match(other.error, /got ERR_TLS_CERT_ALTNAME_INVALID/);
    server.close();
  });

  test('ends with the signal, which is no failure of the receiver', async () => {
    await using receiver = await startReceiver(['hang']);
    await using sender = open();
    const stop = new AbortController();
    const sending = sender.send({ ...EVENT, url: receiver.url }, stop.signal);
    setTimeout(() => stop.abort(new Error('The host stops')), 30);
    await assert.rejects(sending, /The host stops/);
  });

  test('says only that the service cannot sign if there is no secret, and the log what to do', async () => {
    await using receiver = await startReceiver();
    const secret = () => Promise.reject(new SecretError('Expected a secret in /home/me/data, got nothing.'));
    const { error, fault, forLog } = await failure(receiver.url, { secret });
    assert.match(error, /^Expected the service to sign the event, got a fault of its own/);
    assert.deepEqual([fault, forLog], ['service', 'Expected a secret in /home/me/data, got nothing.']);
    assert.equal(receiver.received.length, 0);
  });

  test('tells a server that is down from one that refuses the event', async () => {
    const faults = [503, 500, 429, 410, 404, 307].map(async (status) => (await answerTo(status)).fault);
    const down = Array(3).fill('server');
    assert.deepEqual(await Promise.all(faults), [...down, undefined, undefined, undefined]);
    assert.deepEqual(
      [(await answerTo('close')).fault, (await answerTo('hang', { answerMs: 60 })).fault],
      ['network', 'network'],
    );
    assert.equal((await failure('http://10.0.0.1/', { allowPrivate: false })).fault, undefined);
  });

  test('connects to no private address, however it is written, and to no metadata service', async () => {
    await using dns = await startDnsServer({
      'inner.example': [{ a: ['10.0.0.5'] }],
      'half.example': [{ a: [PUBLIC, '127.0.0.1'] }],
      'meta.example': [{ a: ['169.254.169.254'] }],
    });
    await using receiver = await startReceiver();
    using attempts = connectionAttempts();
    const { port } = new URL(receiver.url);
    const refused = [
      ...['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '[::ffff:127.0.0.1]', '10.0.0.5'].map(
        (host) => `${host}:${port}`,
      ),
      ...['inner.example', 'half.example'],
    ];
    for (const host of refused) {
      const { error } = await failure(`http://${host}/`, { allowPrivate: false, resolver: dns.resolver });
      assert.match(error, /Expected a public address/, host);
      if (host.endsWith('.example')) assert.doesNotMatch(error, /10\.0\.0\.5|127\.0\.0\.1/);
    }
    for (const host of ['169.254.169.254', 'metadata.google.internal', '[fd20:ce::254]', 'meta.example']) {
      const { error } = await failure(`http://${host}/`, { allowPrivate: true, resolver: dns.resolver });
      assert.match(error, /metadata service/, host);
    }
    assert.deepEqual([receiver.received.length, attempts.count], [0, 0]);
  });

  test('connects to the very address that was checked, also if the name leads elsewhere the next time', async () => {
    await using net = await startLoopbackInternet();
    await using dns = await startDnsServer({ 'rebound.example': [{ a: [PUBLIC] }, { a: ['127.0.0.1'] }] });
    await using sender = open({
      allowPrivate: false,
      resolver: dns.resolver,
      buildConnector: net.buildConnector,
    });
    const url = 'http://rebound.example/';
    assert.deepEqual(await sender.send({ ...EVENT, url }, NEVER), { delivered: true });
    const again = await sender.send({ ...EVENT, url }, NEVER);
    assert.match(again.delivered ? '' : again.error, /which resolves to an address that is not public/);
    assert.deepEqual([net.dialled, net.seen.files], [[PUBLIC], 1]);
  });
});

async function serving(onConnection: (socket: import('node:net').Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => onConnection(socket));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
