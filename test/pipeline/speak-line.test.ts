import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fairLanes } from '../../functions/coordination/fair-lanes.ts';
import type { Spoken } from '../../functions/model/speech.ts';
import { createSpeaking } from '../../functions/pipeline/speak-line.ts';
import type { LeaseStore } from '../../functions/ports/leases.ts';
import type { Speech } from '../../functions/ports/speech.ts';
import { numbers } from '../contracts/harness.ts';

const { signal } = new AbortController();
const ENDS = new Error('The line is spoken, and the test needs no more.');

/** Speaking whose lines are spoken when the test says so; nothing is stored. */
function speakingWith({ oneAtATime }: { oneAtATime: boolean }) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const speech: Speech = {
    notice: null,
    atOnce: null,
    oneAtATime,
    timed: false,
    identity: async () => ['voice'],
    speak({ text }) {
      begun.push(text);
      return new Promise<Spoken>((_, reject) => ends.push(() => reject(ENDS)));
    },
  };
  const speaking = createSpeaking({
    speech,
    artifacts: {
      open: async () => undefined,
      look: async () => undefined,
      make: () => Promise.reject(ENDS),
      madeElsewhere: async () => undefined,
      async getOrCreate(_key, make) {
        await make('/nowhere', signal);
        throw new Error('Expected the line to end the test');
      },
      getOrCreateAll: () => Promise.reject(ENDS),
    },
    leases: {} as LeaseStore,
    inTurn: fairLanes({ places: 1 }),
  });
  return {
    begun,
    speak: (taskId: string, text: string) =>
      assert.rejects(
        speaking.spoken(taskId, { text, voice: 'en' }, ['voice', text], { signal, stop: signal }),
        ENDS,
      ),
    async endAll(count: number): Promise<void> {
      for (let ended = 0; ended < count; ended++) {
        while (ends.length === 0) await new Promise(setImmediate);
        ends.shift()?.();
      }
    },
  };
}

describe('speaking', () => {
  test('serves tasks in turn if the voice speaks one line at a time', async () => {
    const { begun, speak, endAll } = speakingWith({ oneAtATime: true });
    const lines = numbers(10).map((at) => speak('hog', `hog ${at}`));
    lines.push(speak('bystander', 'bystander'));
    await endAll(11);
    await Promise.all(lines);
    assert.ok(begun.indexOf('bystander') <= 1, begun.join(', '));
  });

  test('does not wait for other lines if the voice speaks several at a time', async () => {
    const { begun, speak, endAll } = speakingWith({ oneAtATime: false });
    const lines = numbers(5).map((at) => speak('task', `line ${at}`));
    while (begun.length < 5) await new Promise(setImmediate);
    await endAll(5);
    await Promise.all(lines);
  });
});
