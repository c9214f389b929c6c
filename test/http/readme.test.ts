/** The examples and the fields of functions/http/README.md, held against the service itself. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Ajv } from 'ajv';
import { createDiskOutputs } from '../../functions/adapters/disk/outputs.ts';
import { createDiskUploads } from '../../functions/adapters/disk/uploads.ts';
import { createEspeakSpeech } from '../../functions/adapters/espeak/espeak.ts';
import { createEspeakVoices } from '../../functions/adapters/espeak/voices.ts';
import { createSqliteAttempts } from '../../functions/adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../../functions/adapters/sqlite/leases.ts';
import { createSqlitePins } from '../../functions/adapters/sqlite/pins.ts';
import { createSqliteProblems } from '../../functions/adapters/sqlite/problems.ts';
import { createSqliteQueue } from '../../functions/adapters/sqlite/queue.ts';
import { createSqliteReports } from '../../functions/adapters/sqlite/reports.ts';
import { type Database, openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../../functions/adapters/sqlite/tasks.ts';
import { createSqliteUsage } from '../../functions/adapters/sqlite/usage.ts';
import { createSqliteWebhooks } from '../../functions/adapters/sqlite/webhooks.ts';
import { createWebhookSender } from '../../functions/adapters/webhook/sender.ts';
import { createLog } from '../../functions/base/log.ts';
import { loadConfig } from '../../functions/config/config.ts';
import { createProblems } from '../../functions/coordination/problems.ts';
import { INVALID_REQUEST } from '../../functions/http/examples.ts';
import { createApi } from '../../functions/http/router.ts';
import { createStats } from '../../functions/http/stats.ts';
import { eventSchema, webhookSchema } from '../../functions/model/answers/webhook.ts';
import { requestSchema } from '../../functions/model/request-schema.ts';
import { PAUSES_MS } from '../../functions/model/webhook.ts';
import { webhookEvent } from '../../functions/pipeline/webhook-event.ts';
import { freePort, listening } from '../../infra/emulators/google-emulators.ts';
import { NO_PRICES, sampleReport, sampleTask } from '../contracts/samples.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { conforming } from '../fixtures/http/conforming.ts';
import { description, type Operation } from '../fixtures/http/described.ts';
import { WEBHOOK_SECRET } from '../fixtures/network/receiver.ts';
import { SEAL } from '../fixtures/system/seal.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const CHAPTER = readFileSync(resolve(import.meta.dirname, '../../functions/http/README.md'), 'utf8');

interface Example {
  method: string;
  path: string;
  /** Undefined for a GET and a DELETE. */
  body: unknown;
  status: number;
  answer: Json;
}

const BASE = 'http://127.0.0.1:8080';
const JSON_BLOCK = '```json\\n([\\s\\S]*?)\\n```';
const EXAMPLE = new RegExp(
  `<!-- example (GET|POST|DELETE) (\\S+) -->\\n(?:${JSON_BLOCK}\\s+)?<!-- answer (\\d+) -->\\n${JSON_BLOCK}`,
  'g',
);
const examples: Example[] = [...CHAPTER.matchAll(EXAMPLE)].map(([, method, path, body, status, answer]) => ({
  method: method as string,
  path: path as string,
  body: body === undefined ? undefined : JSON.parse(body),
  status: Number(status),
  answer: JSON.parse(answer as string) as Json,
}));

/** Names of all fields, also of objects and lists within: what the service may leave null counts as any shape. */
function shapeOf(value: unknown, other: unknown): unknown {
  if (value === null || other === null || value === undefined || other === undefined) return 'anything';
  if (Array.isArray(value)) {
    if (value.length === 0 || !Array.isArray(other) || other.length === 0) return ['anything'];
    return [shapeOf(value[0], other[0])];
  }
  if (typeof value !== 'object') return typeof value;
  const others = other as Json;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [two]) => one.localeCompare(two))
      .map(([name, inner]) => [name, name in others ? shapeOf(inner, others[name]) : 'not in the other']),
  );
}

/** The part of the chapter below a heading. */
function section(heading: string): string {
  const start = CHAPTER.indexOf(`\n${heading}\n`);
  assert.ok(start >= 0, heading);
  const level = (/^#+/.exec(heading) as RegExpExecArray)[0];
  const rest = CHAPTER.slice(start + heading.length + 2);
  return rest.slice(0, rest.search(new RegExp(`^#{1,${level.length}} `, 'm')));
}

/** Fields that a section lists, at any depth. */
function fieldsIn(text: string): Set<string> {
  const items = [...text.matchAll(/^ *- ((?:`\w+`(?:, )?)+)(?: \(required\))?:/gm)];
  return new Set(
    items.flatMap(([, names = '']) => [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name as string)),
  );
}

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  then?: Schema;
}

/** Names of the fields of a schema, at any depth. */
function fieldsOf({ properties = {}, items, then }: Schema): Set<string> {
  const inner = [...Object.values(properties), items, then].filter((schema) => schema !== undefined);
  return new Set([...Object.keys(properties), ...inner.flatMap((schema) => [...fieldsOf(schema)])]);
}

describe('functions/http/README.md', () => {
  let dir: TempDir;
  let database: Database;
  let api: (request: Request) => Promise<Response>;
  let lastTask = '';

  // The whole interface on its real stores, and nobody who takes the messages: nothing of example.com is fetched.
  before(async () => {
    dir = await tempDir();
    database = openDatabase(join(dir.path, 'test.sqlite'));
    const tasks = createSqliteTasks({ database, seal: SEAL });
    const leases = createSqliteLeases({ database });
    const pins = createSqlitePins({ database });
    const usage = createSqliteUsage({ database });
    const service = createApi({
      tasks,
      reports: createSqliteReports({ database, seal: SEAL }),
      leases,
      attempts: createSqliteAttempts({ database }),
      pins,
      problems: createProblems({ store: createSqliteProblems({ database }) }),
      webhooks: createSqliteWebhooks({ database, seal: SEAL }),
      queue: createSqliteQueue({ database }),
      outputs: createDiskOutputs({ dir: join(dir.path, 'output') }),
      speech: { notice: 'An offline voice speaks.', timed: true },
      prices: NO_PRICES,
      log: createLog({ level: 'error', pretty: false, write: () => {} }),
      uploads: createDiskUploads({ dir: join(dir.path, 'uploads'), seal: SEAL, maxBytes: 2 ** 30 }),
      maxUploadBytes: 2 ** 30,
      storageOrigins: [],
      limits: { combinations: 1000, sources: { buckets: [], ownBuckets: [] } },
      run: (_what, work) => work(),
      baseUrl: () => BASE,
      guard: async () => ({}),
      seal: SEAL,
      canBurn: async () => true,
      readiness: async () => ({ status: 'ready', checks: { store: { status: 'ok' } } }),
      voices: createEspeakVoices({ speech: createEspeakSpeech() }),
      settings: loadConfig({ PORT: '8081', API_KEY: 'k'.repeat(24) }).shown,
      stats: createStats({ tasks, leases, pins, usage, figures: undefined }),
    });
    api = conforming(service);
  });

  after(async () => {
    database.close();
    await dir[Symbol.asyncDispose]();
  });

  test('has examples', () => assert.ok(examples.length >= 5));

  test('has the same examples as the description', () => {
    for (const { method, path, body, status, answer } of examples) {
      const operation = description().paths[path]?.[method.toLowerCase()];
      const { requestBody, responses = {} }: Partial<Operation> = operation ?? {};
      const known = Object.values(requestBody?.content['application/json']?.examples ?? {});
      // The description has one example of all problems.
      if (status >= 400) continue;
      if (body !== undefined)
        assert.ok(
          known.some(({ value }) => isDeepStrictEqual(value, body)),
          path,
        );
      assert.deepEqual(
        responses[status]?.content?.['application/json']?.example,
        answer,
        `${path} ${status}`,
      );
    }
    const wrong = examples.filter(({ status }) => status === 422);
    assert.deepEqual(
      wrong.map(({ body, answer }) => ({ request: body, answer })),
      [INVALID_REQUEST],
    );
  });

  for (const { method, path, body, status, answer } of examples) {
    test(`shows what ${method} ${path} answers with ${status}`, async () => {
      const request = new Request(`${BASE}${path.replace('{task_id}', lastTask)}`, {
        method,
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      });
      const response = await api(request);
      const real = (await response.json()) as Json;
      if (typeof real['task_id'] === 'string') lastTask = real['task_id'];
      assert.equal(response.status, status);
      assert.deepEqual(shapeOf(real, answer), shapeOf(answer, real));
      // What is no example but a fixed text must be the very text.
      if (status === 422) assert.deepEqual(real, answer);
      if ('dry_run' in answer) assert.deepEqual({ ...real, warnings: [] }, { ...answer, warnings: [] });
    });
  }

  test('and the README show requests that are accepted, and the answer to one', async () => {
    const readme = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
    const request = /curl -s \S+\/process_media [\s\S]*?-d '([\s\S]*?)'/.exec(readme)?.[1];
    const answer = /```json\n([\s\S]*?)\n *```/.exec(readme)?.[1];
    const response = await api(
      new Request(`${BASE}/process_media`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: String(request),
      }),
    );
    assert.equal(response.status, 202);
    const [real, shown] = [(await response.json()) as Json, JSON.parse(String(answer)) as Json];
    assert.deepEqual(shapeOf(real, shown), shapeOf(shown, real));
    assert.equal(real['combinations'], shown['combinations']);

    const [, more] = /Add such fields[\s\S]*?```json\n([\s\S]*?)\n```/.exec(readme) ?? [];
    const dryRun = await api(
      new Request(`${BASE}/process_media`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...JSON.parse(String(request)), ...JSON.parse(`{ ${more} }`), dry_run: true }),
      }),
    );
    assert.equal(dryRun.status, 200);
    assert.equal(((await dryRun.json()) as Json)['combinations'], 6);
  });

  test('shows an event as it is, and the pauses between its tries', () => {
    const event = JSON.parse(/<!-- event -->\n```json\n([\s\S]*?)\n```/.exec(CHAPTER)?.[1] ?? '') as Json;
    const ajv = new Ajv({ validateFormats: false, allowUnionTypes: true });
    assert.ok(ajv.validate(eventSchema, event), ajv.errorsText());
    const task = sampleTask({ combinations: 2 });
    const failed = { code: 'no_video', stage: 'probe', message: 'Expected video.' } as const;
    const reports = [sampleReport(1), sampleReport(2, { status: 'failed', error: failed })];
    const real = webhookEvent({ task, reports, finishedAt: 7 }, { url: 'https://h/', baseUrl: BASE });
    assert.ok(ajv.validate(eventSchema, real), ajv.errorsText());
    const shown = (one: object) => shapeOf({ ...one, metadata: null }, { ...one, metadata: null });
    assert.deepEqual(shapeOf({ ...real.data, metadata: null }, event['data']), shown(event['data'] as Json));

    const rows = [...section('## Webhook').matchAll(/^\| (\d)[^|]*\| ([\d.]+) (s|min|h) \|$/gm)];
    const unit = { s: 1_000, min: 60_000, h: 3_600_000 };
    const pauses = rows.map(([, , length, of]) => Number(length) * unit[of as keyof typeof unit]);
    assert.deepEqual(pauses, PAUSES_MS);
  });

  test('shows a state of an event with all its fields', () => {
    const [, shown = ''] = /tells what became of the event:\n\n```json\n([\s\S]*?)\n```/.exec(CHAPTER) ?? [];
    const ajv = new Ajv({ validateFormats: false, allowUnionTypes: true });
    assert.ok(ajv.validate(webhookSchema, JSON.parse(shown)), ajv.errorsText());
    for (const field of Object.keys(webhookSchema.properties))
      assert.ok(fieldsIn(section('## Webhook')).has(field), field);
  });

  test('shows a receiver that takes an event of the service, and refuses any other', async () => {
    const program = /<!-- verify -->\n```js\n([\s\S]*?)\n```/.exec(CHAPTER)?.[1] as string;
    // Its imports are looked for from its folder upwards.
    const file = resolve(import.meta.dirname, `../../node_modules/.cache/receiver-${process.pid}.mjs`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, program);
    const PORT = String(await freePort());
    const child = spawn(process.execPath, [file], {
      env: { PORT, WEBHOOK_SECRET },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await listening(Number(PORT), () => (child.exitCode === null ? undefined : 'it ended'));
      await using sender = createWebhookSender({ allowPrivate: true, secret: async () => WEBHOOK_SECRET });
      const url = `http://127.0.0.1:${PORT}/`;
      const body = JSON.stringify({ type: 'task.completed', data: { task_id: '1f0c' } });
      const said = once(child.stdout, 'data');
      const sent = await sender.send({ url, id: 'msg_1', body }, new AbortController().signal);
      assert.deepEqual(sent, { delivered: true });
      assert.equal(String(await said), 'task.completed 1f0c\n');
      assert.equal((await fetch(url, { method: 'POST', body })).status, 400);
    } finally {
      child.kill();
      await rm(file);
    }
  });

  test('lists every field of a request', () => {
    const listed = [...fieldsIn(section('### Fields')), ...fieldsIn(section('### Parts, names and volumes'))];
    // The one is an alias, and the other the form of a block.
    const wanted = [...fieldsOf(requestSchema as object as Schema)].filter(
      (name) => !['text_to_speach', 'urls'].includes(name),
    );
    assert.deepEqual([...new Set(listed)].sort(), wanted.sort());
  });

  for (const [heading, of] of [
    ['## GET /tasks', (answer: Json) => (answer['tasks'] as Json[])[0] as Json],
    ['## GET /tasks/{task_id}', (answer: Json) => answer],
    ['## GET /tasks/{task_id}/renders', (answer: Json) => (answer['renders'] as Json[])[0] as Json],
    ['## GET /voices', (answer: Json) => ({ ...answer, ...(answer['voices'] as Json[])[0] })],
    ['## GET /stats', (answer: Json) => answer],
    ['## GET /settings', (answer: Json) => (answer['settings'] as Json[])[0] as Json],
    ['## Errors', (answer: Json) => answer],
  ] as const) {
    test(`lists every field of the answer under "${heading}"`, () => {
      const [found] = section(heading).matchAll(/<!-- answer \d+ -->\n```json\n([\s\S]*?)\n```/g);
      const fields = Object.keys(of(JSON.parse(found?.[1] as string) as Json));
      const listed = fieldsIn(section(heading));
      for (const field of fields) assert.ok(listed.has(field), field);
    });
  }
});
