/** The check that all tests of the interface go through notices whatever the description lacks. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PLAN_REQUEST } from '../../../functions/http/example-plan.ts';
import { TASK_REQUEST } from '../../../functions/http/examples.ts';
import { startTestApi, type TestApi } from '../../fixtures/http/api.ts';
import { conforming } from '../../fixtures/http/conforming.ts';
import { type Description, described, description, type Schema } from '../../fixtures/http/described.ts';
import { sampled } from '../../fixtures/system/sample.ts';

const BASE = 'http://127.0.0.1:8080';

interface Exchange {
  name: string;
  request: Request;
  answer: Response;
}

interface OfCodes {
  properties: { code: { enum: string[] } };
}

/** Objects whose fields all occur in the exchanges below, and fields of them that do not. */
const OBJECTS: Record<string, readonly string[]> = {
  ProcessMediaRequest: ['text_to_speach', 'callback_url'],
  Block: [],
  Clip: [],
  Format: [],
  Captions: [],
  Overlay: [],
  Line: [],
  Output: ['width', 'height'],
  Audio: [],
  Accepted: ['retry_of'],
  TaskLinks: [],
  Plan: [],
  Selection: [],
  Combination: [],
  Status: [],
  RenderList: [],
  Render: [],
  Problem: [],
};

describe('the check against the description', () => {
  let served: TestApi;
  const whole = description();
  const exchanges: Exchange[] = [];

  async function record(name: string, request: Request): Promise<Response> {
    const sent = request.clone();
    const answer = await served.api(request);
    exchanges.push({ name, request: sent, answer: answer.clone() });
    return answer;
  }
  const get = (name: string, path: string) => record(name, new Request(`${BASE}${path}`));
  const post = (name: string, body: unknown, headers: Record<string, string> = {}, path = '/process_media') =>
    record(
      name,
      new Request(`${BASE}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    );

  before(async () => {
    served = await startTestApi();
    await post('plan', PLAN_REQUEST);
    await post('next page', PLAN_REQUEST, {}, '/process_media?cursor=1');
    await post('task', TASK_REQUEST, { 'idempotency-key': 'one' });
    const repeated = await post('repeated', TASK_REQUEST, { 'idempotency-key': 'one' });
    await post('refused', { ...TASK_REQUEST, seed: 'x' });
    await post('other', { ...TASK_REQUEST, seed: 1 }, { 'idempotency-key': 'one' });
    const { task_id: id } = (await repeated.json()) as { task_id: string };
    await get('status', `/tasks/${id}`);
    await get('renders', `/tasks/${id}/renders?status=pending`);
    await get('unknown', '/tasks/unknown');
    await post('running', undefined, {}, `/tasks/${id}/retry`);
    await get('docs', '/docs');
    await get('path', '/elsewhere');
  });
  after(() => served?.[Symbol.asyncDispose]());

  /** The names of the exchanges that the changed description does not allow. */
  async function refusedBy(
    change: (document: Description) => void,
    most = exchanges.length,
  ): Promise<string[]> {
    const changed = structuredClone(whole);
    change(changed);
    const about = described(changed);
    const refused: string[] = [];
    for (const { name, request, answer } of exchanges) {
      if (refused.length >= most) break;
      const replayed = conforming(async () => answer.clone(), about);
      await replayed(request.clone()).catch(() => refused.push(name));
    }
    return refused;
  }

  test('passes what is described', async () => {
    assert.deepEqual(await refusedBy(() => {}), []);
  });

  for (const [name, absent] of Object.entries(OBJECTS)) {
    test(`notices a field of ${name} that is not described`, async () => {
      const { properties } = whole.components.schemas[name] as { properties: Schema };
      const unnoticed: string[] = [];
      const fields = sampled(Object.keys(properties), 4, `fields of ${name}`);
      for (const field of fields) {
        const refused = await refusedBy(({ components }) => {
          const schema = components.schemas[name] as { properties: Schema; required?: string[] };
          delete schema.properties[field];
          schema.required = schema.required?.filter((other) => other !== field) ?? [];
        }, 1);
        if (refused.length === 0) unnoticed.push(field);
      }
      assert.deepEqual(
        unnoticed,
        absent.filter((field) => fields.includes(field)),
      );
    });
  }

  const inPaths = (path: string, method: string) => (document: Description) => document.paths[path]?.[method];
  const [startOf, statusOf] = [inPaths('/process_media', 'post'), inPaths('/tasks/{task_id}', 'get')];
  const withoutCode = (code: string) => (document: Description) => {
    for (const { content = {} } of Object.values(document.components.responses)) {
      const { schema } = content['application/problem+json'] as { schema: { allOf: [Schema, OfCodes] } };
      const { code: own } = schema.allOf[1].properties;
      own.enum = own.enum.filter((known) => known !== code);
    }
  };
  const withoutHeader = (document: Description, status: number, header: string) => {
    delete startOf(document)?.responses[status]?.headers?.[header];
  };
  const without: [string, (document: Description) => unknown, string[]][] = [
    ['a route', ({ paths }) => delete paths['/tasks/{task_id}/renders'], ['renders']],
    ['a method', ({ paths }) => delete paths['/tasks/{task_id}']?.['get'], ['status']],
    ['a status', (document) => delete startOf(document)?.responses['202'], ['task', 'repeated']],
    ['the status of a problem', (document) => delete statusOf(document)?.responses['404'], ['unknown']],
    ['a code that only one address has', withoutCode('key_reused'), ['other']],
    ['a code of every address', withoutCode('invalid_request'), ['refused']],
    ['a code of ended tasks', withoutCode('task_running'), ['running']],
    ['a header', (document) => withoutHeader(document, 202, 'Location'), ['task', 'repeated']],
    [
      'a header of some answers',
      (document) => withoutHeader(document, 202, 'Idempotency-Replayed'),
      ['repeated'],
    ],
    ['a query parameter', (document) => startOf(document)?.parameters?.shift(), ['next page']],
    [
      'a media type',
      ({ paths }) => delete paths['/docs']?.['get']?.responses['200']?.content?.['text/html'],
      ['docs'],
    ],
    [
      'a kind of mistake',
      ({ components }) => {
        const { properties } = components.schemas['Problem'] as { properties: { errors: { items: Schema } } };
        const { code } = properties.errors.items['properties'] as { code: { enum: string[] } };
        code.enum = code.enum.filter((known) => known !== 'invalid');
      },
      ['refused'],
    ],
    [
      'a value of a list of values',
      ({ components }) => {
        const { properties } = components.schemas['Render'] as { properties: { status: { enum: string[] } } };
        properties.status.enum = properties.status.enum.filter((known) => known !== 'pending');
      },
      ['renders'],
    ],
  ];
  for (const [what, change, names] of without) {
    test(`notices ${what} that is not described`, async () => {
      assert.deepEqual(await refusedBy(change), names);
    });
  }
});
