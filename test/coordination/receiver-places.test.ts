import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TransientError } from '../../functions/base/errors.ts';
import { createReceiverPlaces, type ReceiverPlaces } from '../../functions/coordination/receiver-places.ts';

/** Milliseconds after which to come again; undefined if there was a place, which is left at once. */
function turnedAway(places: ReceiverPlaces, receiver: string): number | undefined {
  try {
    places.take(receiver)[Symbol.dispose]();
    return undefined;
  } catch (error) {
    assert.ok(TransientError.is(error) && error.code === 'waiting');
    return error.retryAfterMs;
  }
}

describe('the places of a receiver', () => {
  test('are its own: of more events than places, each comes again a little later than the one before', () => {
    let at = 1_000;
    const places = createReceiverPlaces({ own: 2, now: () => at });
    const taken = [places.take('a.example'), places.take('a.example')];
    const pauses = Array.from({ length: 100 }, () => turnedAway(places, 'a.example'));
    assert.deepEqual([...pauses.slice(0, 3), pauses.at(-1)], [50, 100, 150, 5_000]);
    assert.equal(turnedAway(places, 'b.example'), undefined);
    at += 5_000;
    assert.equal(turnedAway(places, 'a.example'), 50, 'starts over once all have come');
    taken[0]?.[Symbol.dispose]();
    assert.equal(turnedAway(places, 'a.example'), undefined);
    taken[1]?.[Symbol.dispose]();
  });

  test('are never all of them, as one server may have many names: a quarter is left to those that have none', () => {
    const places = createReceiverPlaces();
    const names = Array.from({ length: 8 }, (_, at) => `${at}.hang.example`);
    let taken = 0;
    for (const name of names) {
      for (let at = 0; at < 8; at++)
        if (turnedAway(places, name) === undefined) taken += Number(places.take(name) !== null);
    }
    assert.equal(taken, 50, '48, and one for each further name');
    assert.equal(turnedAway(places, 'good.example'), undefined);
  });

  test('are left alone while it rests: a second after a failure, doubling up to ten minutes, until it works', () => {
    let at = 1_000;
    const places = createReceiverPlaces({ now: () => at });
    const fail = () => {
      using place = places.take('a.example');
      place.ended(false);
    };
    assert.equal(places.restMs('a.example'), 0);
    const rests: number[] = [];
    for (let failures = 1; failures <= 12; failures++) {
      fail();
      fail();
      const rest = places.restMs('a.example') - 50;
      rests.push(rest / 1000);
      assert.equal(places.restMs('b.example'), 0);
      assert.equal(places.restMs('a.example'), rest + 100, 'one after the other');
      at += rest;
    }
    assert.deepEqual(rests, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    assert.equal(places.restMs('a.example'), 0);
    {
      using probe = places.take('a.example');
      assert.ok(places.restMs('a.example') > 0, 'one event tries it, the others wait');
      probe.ended(true);
    }
    assert.equal(places.restMs('a.example'), 0);
    fail();
    assert.equal(places.restMs('a.example'), 1_050);
  });

  test('spread the events that wait for it over ten minutes at most', () => {
    const places = createReceiverPlaces({ now: () => 0 });
    {
      using place = places.take('a.example');
      place.ended(false);
    }
    const pauses = Array.from({ length: 20_000 }, () => places.restMs('a.example'));
    assert.equal(pauses.at(-1), 601_000);
    assert.equal(new Set(pauses.slice(0, 12_000)).size, 12_000);
  });
});
