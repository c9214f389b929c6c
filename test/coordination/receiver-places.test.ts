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
    const places = createReceiverPlaces(2);
    const taken = [places.take('a.example'), places.take('a.example')];
    const pauses = Array.from({ length: 100 }, () => turnedAway(places, 'a.example'));
    assert.deepEqual(pauses.slice(0, 3), [250, 500, 750]);
    assert.equal(pauses.at(-1), 15_000);
    assert.equal(turnedAway(places, 'b.example'), undefined);
    taken[0]?.[Symbol.dispose]();
    assert.equal(turnedAway(places, 'a.example'), undefined);
    taken[1]?.[Symbol.dispose]();
    using _again = new DisposableStack();
    _again.use(places.take('a.example'));
    _again.use(places.take('a.example'));
    assert.equal(turnedAway(places, 'a.example'), 250, 'starts over once nobody is there');
  });
});
