import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createExclusiveGate } from '../../functions/coordination/exclusive-gate.ts';

/** Work that records its start and ends on demand. */
function work(name: string, events: string[]) {
  const { promise, resolve } = Promise.withResolvers<string>();
  return {
    run: async () => {
      events.push(name);
      return promise;
    },
    end: () => resolve(name),
  };
}

describe('the exclusive gate', () => {
  test('lets work run side by side', async () => {
    const events: string[] = [];
    const gate = createExclusiveGate();
    const [a, b] = [work('a', events), work('b', events)];
    const running = [gate.beside(a.run), gate.beside(b.run)];
    await sleep(1);
    assert.deepEqual(events, ['a', 'b']);
    a.end();
    b.end();
    assert.deepEqual(await Promise.all(running), ['a', 'b']);
  });

  test('runs exclusive work alone, once the others are done, and nothing else until it ends', async () => {
    const events: string[] = [];
    const gate = createExclusiveGate();
    const [a, alone, b] = [work('a', events), work('alone', events), work('b', events)];
    const running = [gate.beside(a.run), gate.alone(alone.run), gate.beside(b.run)];
    await sleep(1);
    assert.deepEqual(events, ['a']);
    a.end();
    await sleep(1);
    assert.deepEqual(events, ['a', 'alone']);
    alone.end();
    await sleep(1);
    assert.deepEqual(events, ['a', 'alone', 'b']);
    b.end();
    await Promise.all(running);
  });

  test('holds up other work only for a limited time, exclusive work included', async () => {
    const events: string[] = [];
    // Longer than anything below takes, even on a busy machine.
    const gate = createExclusiveGate(500);
    const [slow, next, last] = [work('slow', events), work('next', events), work('last', events)];
    const running = [gate.alone(slow.run), gate.alone(next.run), gate.beside(last.run)];
    await sleep(1);
    assert.deepEqual(events, ['slow']);
    while (events.length < 2) await sleep(1);
    assert.deepEqual(events, ['slow', 'next']);
    slow.end();
    await sleep(1);
    assert.deepEqual(events, ['slow', 'next'], 'the end of overdue work lets nothing else in');
    next.end();
    await sleep(1);
    assert.deepEqual(events, ['slow', 'next', 'last']);
    last.end();
    await Promise.all(running);
  });

  test('can be left early by shared work, but not by exclusive work', async () => {
    const gate = createExclusiveGate();
    const events: string[] = [];
    const saving = Promise.withResolvers<void>();
    const running = [
      gate.beside(async (release) => {
        release();
        await saving.promise;
      }),
      gate.alone(async (release) => {
        events.push('alone');
        release();
        await sleep(5);
        events.push('alone ended');
      }),
      gate.beside(async () => void events.push('beside')),
    ];
    await Promise.all(running.slice(1));
    assert.deepEqual(events, ['alone', 'alone ended', 'beside']);
    saving.resolve();
    await Promise.all(running);
  });

  test('opens after failed work', async () => {
    const gate = createExclusiveGate();
    await assert.rejects(
      gate.alone(async () => {
        throw new Error('No');
      }),
      /No/,
    );
    assert.equal(await gate.beside(async () => 'in'), 'in');
  });
});
