import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { REQUEST_CODES } from '../../../functions/base/codes.ts';
import { openApiDocument } from '../../../functions/http/openapi/document.ts';
import type { Described } from '../../../functions/http/route.ts';
import { ROUTES } from '../../../functions/http/routes/routes.ts';
import { startTestApi, type TestApi } from '../../fixtures/http/api.ts';
import { type Description, described, type Operation, type Schema } from '../../fixtures/http/described.ts';

const BASE = 'http://127.0.0.1:8080';

/** Everything in the document that is an object, with its place as text and as names. */
function* objectsIn(value: unknown, path: string[] = []): Generator<[string, Schema, string[]]> {
  if (typeof value !== 'object' || value === null) return;
  yield [path.join(' '), value as Schema, path];
  for (const [name, inner] of Object.entries(value)) yield* objectsIn(inner, [...path, name]);
}

describe('the description of the interface', () => {
  let served: TestApi;
  let document: Description & Schema;
  const operations: [string, string, Operation][] = [];

  before(async () => {
    served = await startTestApi({ MCP: 'true' });
    document = (await (await served.api(new Request(`${BASE}/openapi.json`))).json()) as typeof document;
    for (const [path, methods] of Object.entries(document.paths))
      for (const [method, operation] of Object.entries(methods)) operations.push([method, path, operation]);
  });
  after(() => served?.[Symbol.asyncDispose]());

  test('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.equal(valid, true, JSON.stringify(errors));
    assert.match(String(document['openapi']), /^3\.1\./);
  });

  test('is of this version, and names the address that the caller uses', () => {
    const file = readFileSync(resolve(import.meta.dirname, '../../../package.json'), 'utf8');
    const { version } = JSON.parse(file) as { version: string };
    assert.equal((document['info'] as Schema)['version'], version);
    assert.deepEqual(document['servers'], [{ url: BASE }]);
  });

  test('has every route, and one name for each', () => {
    const routes = ROUTES.map(({ method, path }) => `${method.toLowerCase()} ${path}`);
    assert.deepEqual(operations.map(([method, path]) => `${method} ${path}`).sort(), routes.sort());
    assert.equal(new Set(operations.map(([, , { operationId }]) => operationId)).size, operations.length);
  });

  test('needs the key in one of two headers, except where an address is open', () => {
    assert.deepEqual(document['security'], [{ ApiKey: [] }, { Bearer: [] }]);
    const open = operations
      .filter(([, , { security }]) => Array.isArray(security) && security.length === 0)
      .map(([, path]) => path);
    assert.deepEqual(
      open,
      ROUTES.filter(({ isOpen }) => isOpen).map(({ path }) => path),
    );
    for (const path of ['/openapi.json', '/docs', '/docs/{file}']) assert.ok(open.includes(path), path);
    const upload = document.paths['/uploads/{upload_id}']?.['put'];
    assert.deepEqual(upload?.security, [{}, { ApiKey: [] }, { Bearer: [] }], 'the URL is enough');
    assert.deepEqual(
      upload?.parameters?.filter(({ required }) => required).map(({ name }) => name),
      ['upload_id', 'bytes', 'type', 'expires', 'signature', 'Content-Type'],
    );
  });

  test('refers only to what it has', () => {
    const { at } = described(document);
    for (const [place, { $ref }] of objectsIn(document))
      if (typeof $ref === 'string') assert.ok(at(...$ref.slice('#/'.length).split('/')), `${place}: ${$ref}`);
  });

  test('has no keyword of our own, and no if', () => {
    for (const keyword of ['expected', 'hint', 'if', 'then', 'else', '$schema'])
      for (const [place, object] of objectsIn(document.components.schemas))
        assert.ok(!(keyword in object) || /properties$/.test(place), `${place} ${keyword}`);
  });

  test('says of each field what is expected, and what to do', () => {
    const { properties } = document.components.schemas['ProcessMediaRequest'] as { properties: Schema };
    assert.equal(
      (properties['task_name'] as Schema)['description'],
      'A name of 1-200 characters. The folder with the videos gets this name.',
    );
  });

  test('has both forms of blocks, and marks the alias of text_to_speech', () => {
    const { properties } = document.components.schemas['ProcessMediaRequest'] as {
      properties: Record<string, Schema & { oneOf: Schema[] }>;
    };
    assert.deepEqual(
      properties['video_blocks']?.oneOf.map(({ type }) => type),
      ['array', 'object'],
    );
    assert.equal(properties['text_to_speach']?.['deprecated'], true);
    assert.equal(properties['text_to_speech']?.['deprecated'], undefined);
  });

  test('repeats no object: what is used twice has a name', () => {
    const seen = new Map<string, string>();
    for (const [place, object] of objectsIn(document.components.schemas)) {
      if (object['type'] !== 'object' || object['properties'] === undefined) continue;
      const text = JSON.stringify(object);
      assert.equal(seen.get(text), undefined, place);
      seen.set(text, place);
    }
  });

  test('says of every object of an answer whether it may have other fields', () => {
    for (const [place, object] of objectsIn(document.components.schemas))
      if (object['properties'] !== undefined && object['type'] === 'object')
        assert.ok('additionalProperties' in object, place);
  });

  test('lists the codes of each problem with its status, each with an example', () => {
    const codes = new Set<unknown>();
    for (const [name, response] of Object.entries(document.components.responses)) {
      const { schema, examples = {} } = response.content?.['application/problem+json'] ?? {};
      const [, own] = (schema as { allOf: Schema[] }).allOf as [
        Schema,
        { properties: { code: { enum: string[] } } },
      ];
      assert.deepEqual(Object.keys(examples), own.properties.code.enum, name);
      for (const code of own.properties.code.enum) codes.add(code);
    }
    const ofStages = ['push_unauthenticated', 'push_forbidden', 'method_not_allowed'];
    assert.deepEqual(
      REQUEST_CODES.filter((code) => !codes.has(code)),
      ofStages,
    );
  });

  test('has examples that its own schemas accept', () => {
    const { mistake } = described(document);
    const contents = [...objectsIn(document)].filter(([, , path]) => path.at(-2) === 'content');
    let checked = 0;
    for (const [place, { schema, example, examples }, path] of contents) {
      const values = [
        ...(example === undefined ? [] : [example]),
        ...Object.values((examples ?? {}) as Record<string, { value: unknown }>).map(({ value }) => value),
      ];
      if (schema === undefined) continue;
      for (const value of values) assert.equal(mistake(value, ...path, 'schema'), undefined, place);
      checked += values.length;
    }
    assert.ok(checked > 20, `${checked} examples`);
  });

  test('has requests that the service accepts as they are, and addresses that answer as described', async () => {
    let sent = 0;
    let taskId: unknown;
    for (const [method, path, { requestBody, responses }] of operations) {
      const { examples = {} } = requestBody?.content['application/json'] ?? {};
      for (const [name, { value }] of Object.entries(examples)) {
        const request = new Request(`${BASE}${path}`, {
          method: method.toUpperCase(),
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(value),
        });
        const answer = await served.api(request);
        assert.ok(answer.ok, `${name}: ${answer.status}`);
        assert.ok(responses[answer.status], name);
        taskId = ((await answer.json()) as Schema)['task_id'] ?? taskId;
        sent += 1;
      }
    }
    assert.ok(sent >= 2);

    // What can be asked about that task is answered as described: served.api checks that.
    const named = { '{task_id}': String(taskId), '{index}': '1', '{file}': 'docs.css' };
    for (const [, path] of operations.filter(([method]) => method === 'get')) {
      const filled = Object.entries(named).reduce((text, [name, value]) => text.replace(name, value), path);
      const answer = await served.api(new Request(`${BASE}${filled}`));
      assert.notEqual(answer.status, 500, path);
      await answer.body?.cancel();
    }
  });
});

describe('a schema of the description', () => {
  const route = (properties: Record<string, unknown>): Described => ({
    name: 'new-address',
    method: 'GET',
    path: '/new',
    tag: 'Service',
    summary: 'New',
    answers: {
      200: { description: 'New.', schema: { type: 'object', additionalProperties: false, properties } },
    },
    codes: [],
  });
  const schemasOf = (...routes: Described[]) =>
    (openApiDocument(routes) as unknown as Description).components.schemas;
  const part = { type: 'object', additionalProperties: false, properties: { a: { type: 'string' } } };
  const list = { type: 'array', items: { type: 'string' } };

  test('that nobody has named is called like its field if it is used twice', () => {
    const schemas = schemasOf(route({ left: part, right: { type: 'array', items: part } }));
    assert.deepEqual(schemas['Left'], part);
    const other = { ...part, properties: { b: { type: 'string' } } };
    const more = schemasOf(route({ left: part, right: part }), {
      ...route({ left: other, more: other }),
      path: '/more',
    });
    assert.deepEqual([more['Left'], more['NewAddressAnswerLeft']], [part, other]);
  });

  test('of an answer stands beside the problem of the same status', () => {
    const ready = { description: 'Not ready.', schema: part };
    const document = openApiDocument([{ ...route({}), answers: { 503: ready } }]) as unknown as Description;
    const { content, headers } = document.paths['/new']?.['get']?.responses['503'] ?? {};
    assert.deepEqual(Object.keys(content ?? {}), ['application/json', 'application/problem+json']);
    assert.ok(headers?.['Retry-After']);
  });

  test('with a condition that is not of one type is refused', () => {
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own keyword.
    const odd = { if: { minItems: 2 }, then: list, else: part };
    assert.throws(() => schemasOf(route({ odd })), /Expected an if of one type/);
    assert.throws(
      () => schemasOf(route({ odd: { ...odd, if: { type: 'array' }, else: list } })),
      /if of one type/,
    );
  });
});
