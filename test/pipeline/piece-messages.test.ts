/** How many messages and reads the pieces of a large task take. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makePlan, type PlanInput } from '../../functions/model/make-plan.ts';
import type { Message } from '../../functions/model/messages.ts';
import type { PieceName } from '../../functions/model/pieces.ts';
import type { Prepared } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { pieceStates } from '../../functions/pipeline/pieces.ts';
import { publishAfterPiece, publishReadyRenders } from '../../functions/pipeline/ready-renders.ts';
import { SAMPLE_PROFILE, samplePrepared, sampleTask } from '../contracts/samples.ts';
import { captions } from '../fixtures/media/captions.ts';
import { PLAIN_OUTPUT } from '../fixtures/media/plain-choices.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

const BLOCK = 10;
const SOUND = { originalVolume: 0, duck: false, voiceOffsetSeconds: 0 };

/** Ten hooks of 3 s, each a frame longer than the one before it, ten bodies of 5 s, ten calls to action, and three lines of 5 s. */
function largeTask(more: Partial<PlanInput> = {}): Task {
  const block = (name: string) => ({
    name,
    clips: Array.from({ length: BLOCK }, (_, at) => addressOf(`https://example.com/${name}${at}.mp4`)),
  });
  const plan = makePlan({
    blocks: [block('hooks'), block('bodies'), block('ctas')],
    tracks: [],
    lines: ['One', 'Two', 'Three'].map((text) => ({ text, voice: 'Sarah' })),
    ...{ output: PLAIN_OUTPUT, sound: SOUND, seed: 1, captions: captions([], 'burn'), ...more },
  });
  return { ...sampleTask(), plan };
}

/** Stores of one process, which count. */
function counted() {
  const stored = new Map<string, object>([['profile', SAMPLE_PROFILE]]);
  const resting = new Set<string>();
  const found = { read: 0, rests: 0, published: [] as Message[] };
  return {
    found,
    stored,
    deps: {
      pins: {
        async read(_: string, names: readonly string[]) {
          found.read += names.length;
          return names.map((name) => stored.get(name));
        },
      },
      attempts: {
        async rest(key: string) {
          found.rests += 1;
          resting.add(key);
          return 1;
        },
        resting: async (keys: readonly string[]) => keys.map((key) => resting.has(key)),
      },
      queue: {
        async publish(messages: readonly Message[]) {
          found.published.push(...messages);
        },
      },
    } as never as Parameters<typeof publishReadyRenders>[2],
  };
}

function preparedOf({ plan }: Task, number: number): Prepared {
  const kind = plan.sources[number]?.kind;
  const pin = samplePrepared(`${kind}/${'a'.repeat(64)}`);
  if (kind === 'line') return { ...pin, frames: 0, samples: 5 * 48_000 };
  const frames = number < BLOCK ? 90 + number : 150;
  return { ...pin, frames, samples: frames * 1600 };
}

describe('the pieces of 1,000 combinations', () => {
  for (const [what, more] of [
    ['captioned clips', {}],
    ['captioned clips and covers', { cover: { atSeconds: 4 } }],
  ] as const) {
    test(`${what}: each is asked for once, and each video is published once, by the last of its pieces`, async () => {
      const task = largeTask(more);
      const { deps, found, stored } = counted();
      for (const number of task.plan.sources.keys()) {
        stored.set(`prepared-${number}`, preparedOf(task, number));
        await publishReadyRenders(task, number, deps);
      }
      const asked = found.published.flatMap((message) =>
        message.topic === 'prepare' && message.piece !== undefined ? [message.piece] : [],
      );
      const needed = await pieceStates(task, task.plan.combinations, deps.pins);
      assert.equal(asked.length, new Set(asked).size);
      assert.deepEqual(asked.toSorted(), [...new Set(needed.flatMap(({ names }) => names))].toSorted());
      assert.equal(found.published.length, asked.length, 'no video can go yet');
      for (const name of asked as PieceName[]) {
        stored.set(`piece-${name}`, { artifacts: [`clip/${'b'.repeat(64)}`] });
        await publishAfterPiece(task, name, deps);
      }
      const renders = found.published.flatMap((message) =>
        message.topic === 'render' ? [message.index] : [],
      );
      assert.equal(new Set(renders).size, 1_000);
      assert.equal(renders.length, 1_000);
      assert.equal(found.published.length, asked.length + renders.length);
      assert.ok(found.read < 150 * asked.length, `${found.read} reads for ${asked.length} pieces`);
    });
  }
});
