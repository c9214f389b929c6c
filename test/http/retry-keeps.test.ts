import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createApi } from '../../functions/http/router.ts';
import { OUTPUT_RATES } from '../../functions/model/fields/output.ts';
import { nearestStandardRate } from '../../functions/model/frame-rate.ts';
import { fileName } from '../../functions/model/names.ts';
import { type Combination, imagesOf, overlaysOf, type Plan, sourcesOf } from '../../functions/model/plan.ts';
import { requestSchema } from '../../functions/model/request-schema.ts';
import type { Task } from '../../functions/model/task.ts';
import { failedReport } from '../../functions/pipeline/reporting.ts';
import { useStages } from '../fixtures/hosts/stages.ts';
import { conforming } from '../fixtures/http/conforming.ts';

/** Every field of a request, with a value that is not its default. A field added to the schema needs one in some of them. */
const COVER = {
  task_name: 'everything',
  video_blocks: [
    {
      name: 'hooks',
      urls: [
        { url: 'https://h/1.mp4', name: 'One', start_seconds: 1, end_seconds: 2.5, volume: 0.5 },
        'https://h/2.mp4',
      ],
    },
    { name: 'bodies', urls: ['https://h/3.mp4', 'https://h/4.mp4', 'https://h/5.mp4'] },
  ],
  audio_blocks: [
    {
      name: 'music',
      urls: [
        { url: 'https://h/m.mp3', name: 'Song', start_seconds: 30, end_seconds: 60, volume: 0.8 },
        'https://h/n.mp3',
      ],
    },
  ],
  text_to_speech: [
    { text: 'Hello', voice: 'Sarah', speed: 1.1, language: 'en', group: 'Ads' },
    { text: 'Good-bye', voice: 'Ann', language: 'de-CH', group: 'Ads' },
  ],
  output: {
    formats: [{ name: '1x1', width: 640, height: 640, fit: 'blur' }, '9x16'],
    fps: 59.94,
    fit: 'cover',
    still_seconds: 4.5,
    reencode: true,
    edit_lists: true,
    // With the id, as otherwise only the first task would have names that are made of it.
    file_name: '{index} {task} {n:hooks}{n:bodies} {id}',
  },
  audio: {
    original_volume: 0.3,
    duck: false,
    voice_offset_seconds: 1.5,
    loudness: -16,
    music_db: -3,
    music_fade_in_seconds: 0.5,
    music_fade_out_seconds: 2,
  },
  overlays: [
    {
      image: 'https://h/logo.png',
      position: 'bottom',
      width: 30,
      opacity: 0.5,
      from: 1,
      to: 4,
      blocks: ['hooks'],
    },
    { image: 'https://h/logo.png' },
  ],
  selection: { tracks: 'each', lines: 'each' },
  limit: 2,
  include: [{ hooks: 2 }, { bodies: '4' }],
  exclude: [{ hooks: 2, bodies: '3' }],
  seed: 4_000_000_000,
  callback_url: 'https://h/hook?token=1',
  targets: ['tiktok', 'shorts'],
  captions: {
    mode: 'burn',
    files: ['vtt'],
    font: 'Noto Sans',
    size: 8,
    colour: '#eeeeee',
    highlight: null,
    position: 'top',
    words_per_line: 4,
    upper_case: false,
  },
  cover: { at_seconds: 1.5 },
  metadata: { order: 7, list: [1, { deep: null }] },
};

/** Of the fields that exclude each other, the others. */
const { fit: _, formats: __, ...picture } = COVER.output;
const BARS = { ...COVER, output: { ...picture, width: 640, height: 360, background: '#1a2b3c' } };
const BARS_OF_FORMATS = {
  ...COVER,
  output: { ...picture, formats: [{ name: '4x5', background: '#4d5e6f' }, '16x9'], background: '#1a2b3c' },
};
const REQUESTS = [COVER, BARS, BARS_OF_FORMATS];

/** Fields that no task can have. */
const NOT_IN_A_TASK: Readonly<Record<string, string>> = {
  '/text_to_speach': 'another spelling of text_to_speech',
  '/dry_run': 'makes no task',
};
/** What has to go with a field. */
const ALONG: Readonly<Record<string, readonly string[]>> = {
  width: ['height'],
  height: ['width'],
  text_to_speech: ['captions', 'selection'],
  audio_blocks: ['selection'],
};

interface Schema {
  properties?: Record<string, Schema>;
  required?: readonly string[];
  items?: Schema;
  then?: Schema;
}

interface Field {
  pointer: string;
  optional: boolean;
}

/** All fields of the schema; `/-/` stands for the entries of a list. */
function fieldsOf({ properties = {}, required = [], items, then }: Schema, at = ''): Field[] {
  return [
    ...(items === undefined ? [] : fieldsOf(items, `${at}/-`)),
    ...(then === undefined ? [] : fieldsOf(then, at)),
    ...Object.entries(properties).flatMap(([name, inner]) => {
      const pointer = `${at}/${name}`;
      if (pointer in NOT_IN_A_TASK) return [];
      return [{ pointer, optional: !required.includes(name) }, ...fieldsOf(inner, pointer)];
    }),
  ];
}

function namesIn(pointer: string): string[] {
  return pointer.slice(1).split('/');
}

function valueAt(request: unknown, pointer: string): unknown {
  return namesIn(pointer).reduce<unknown>(
    (value, name) => (name === '-' ? (value as unknown[])?.[0] : (value as Record<string, unknown>)?.[name]),
    request,
  );
}

/** The request without that field, and without those that need it. */
function without(whole: unknown, pointer: string): unknown {
  const request = structuredClone(whole) as Record<string, unknown>;
  const names = namesIn(pointer);
  const last = names.pop() as string;
  const holders = names.reduce<Record<string, unknown>[]>(
    (found, name) =>
      name === '-'
        ? (found as unknown as Record<string, unknown>[][]).flat()
        : found.map((holder) => holder[name] as Record<string, unknown>),
    [request],
  );
  for (const holder of holders) {
    for (const name of [last, ...(ALONG[last] ?? [])]) delete holder[name];
  }
  return request;
}

const fields = fieldsOf(requestSchema as unknown as Schema);

describe('a retry keeps every field of the request', () => {
  const s = useStages();

  async function accepted(request: Promise<Response>): Promise<Task> {
    const response = await request;
    const body = (await response.json()) as { task_id: string };
    assert.equal(response.status, 202, JSON.stringify(body));
    const task = await s.deps.tasks.get(body.task_id);
    assert.ok(task);
    return task;
  }
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    conforming(createApi(s.deps))(
      new Request(`http://127.0.0.1:8080${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  const start = (request: unknown) => accepted(post('/process_media', request));

  /** Ends the task; the combinations that `fails` names have failed. */
  async function end(task: Task, fails: (index: number) => boolean): Promise<void> {
    const error = { code: 'no_video', stage: 'probe', message: 'Expected video.' } as const;
    for (const combination of task.plan.combinations) {
      const failed = failedReport(task, combination, error);
      await s.deps.reports.report(
        task.id,
        fails(combination.index) ? failed : { ...failed, status: 'succeeded', error: null },
      );
    }
    await s.deps.tasks.finish(task.id);
  }
  async function retried(task: Task): Promise<Task> {
    return accepted(post(`/tasks/${task.id}/retry`));
  }

  test('and this test knows all of them, with values that make a difference', async () => {
    const has = (request: unknown, pointer: string) => valueAt(request, pointer) !== undefined;
    const missing = fields.filter(({ pointer }) => !REQUESTS.some((request) => has(request, pointer)));
    assert.deepEqual(missing, [], 'add values that are not the defaults to COVER or BARS');
    const stored = async (request: unknown) => {
      const { id: _, fileId: __, createdAt: ___, ...kept } = await start(request);
      return JSON.stringify(kept);
    };
    for (const request of REQUESTS) {
      const whole = await stored(request);
      for (const { pointer, optional } of fields) {
        // Without a seed, every task gets another one.
        if (!optional || pointer === '/seed' || !has(request, pointer)) continue;
        assert.notEqual(
          await stored(without(request, pointer)),
          whole,
          `${pointer}: is the default, or not kept`,
        );
      }
    }
  });

  test('but not its trace', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const first = await accepted(post('/process_media', BARS, { traceparent }));
    await end(first, () => true);
    assert.equal(first.traceparent, traceparent);
    assert.equal((await retried(first)).traceparent, undefined);
  });

  for (const [what, request, fails] of [
    ['if one combination failed in one format', COVER, (index: number) => index === 4],
    ['if one combination failed in all formats', BARS_OF_FORMATS, (index: number) => [3, 4].includes(index)],
    ['if one with bars failed', BARS, (index: number) => index === 4],
    ['if all failed', BARS, () => true],
  ] as const) {
    test(what, async () => {
      const first = await start(request);
      if (!fails(1)) {
        const { width, height, fit, background } = { width: 0, height: 0, ...first.plan.output };
        const rate = { num: 60000, den: 1001 };
        await s.deps.pins.write(first.id, 'profile', { width, height, rate, fit, background });
      }
      await end(first, fails);
      const second = await retried(first);
      await end(second, () => true);
      for (const task of [second, await retried(second)]) {
        const { id: _, createdAt: __, retryOf: ___, plan, ...kept } = task;
        for (const [name, value] of Object.entries(kept)) {
          assert.deepEqual(value, first[name as keyof Task], name);
        }
        assert.deepEqual(Object.keys(task).sort(), Object.keys(first).sort());
        assert.deepEqual(Object.keys(plan).sort(), Object.keys(first.plan).sort());
        for (const name of Object.keys(first.plan) as (keyof Plan)[]) {
          // Compared below, as what they refer to: overlays with the clips that have them.
          if (['combinations', 'sources', 'blocks', 'lines', 'overlays', 'formats'].includes(name)) continue;
          if (name === 'output') {
            const { fps, ...picture } = plan.output;
            // If there are formats, it is that of the first one that is left.
            const { name: _, ...shape } = plan.formats?.[0] ?? { name: '' };
            assert.deepEqual(
              { ...picture, fps: fps?.toFixed(2) },
              { ...first.plan.output, ...shape, fps: '59.94' },
            );
          } else {
            assert.deepEqual(plan[name], first.plan[name], name);
          }
        }
        assert.deepEqual(
          plan.combinations.map((combination) => choices(plan, combination)),
          first.plan.combinations
            .filter(({ index }) => fails(index))
            .map((combination) => choices(first.plan, combination)),
        );
        assert.deepEqual(
          plan.combinations.map((combination) => fileName(task, combination)),
          first.plan.combinations
            .filter(({ index }) => fails(index))
            .map((combination) => fileName(first, combination)),
        );
        const direct = plan.combinations.flatMap(sourcesOf);
        const images = direct.flatMap((number) => imagesOf(plan, number));
        assert.equal(plan.sources.length, new Set([...direct, ...images]).size);
      }
    });
  }

  test('and every frame rate', async () => {
    for (const fps of OUTPUT_RATES) {
      const first = await start({ ...COVER, output: { ...COVER.output, fps } });
      const rate = nearestStandardRate(fps);
      const { width, height, fit, background } = { width: 0, height: 0, ...first.plan.output };
      await s.deps.pins.write(first.id, 'profile', { width, height, rate, fit, background });
      await end(first, (index) => index === 1);
      const second = await retried(first);
      assert.deepEqual(nearestStandardRate(second.plan.output.fps as number), rate);
    }
  });
});

/** With the sources themselves, because their numbers differ between two plans. */
function choices(plan: Plan, { clips, track, line, format, ...rest }: Combination): unknown {
  const source = (number: number | null) => {
    if (number === null) return null;
    const overlays = overlaysOf(plan, number).map(({ image, ...shown }) => [shown, plan.sources[image]]);
    return { ...plan.sources[number], overlays };
  };
  const shape = format === undefined ? undefined : plan.formats?.[format];
  return { ...rest, shape, clips: clips.map(source), track: source(track), line: source(line) };
}
